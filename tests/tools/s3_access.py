"""Buckets as names of hosts, and readers without a key. The argument is the path of curl, or empty.

The server has `--domain s3.test` and `--anonymous-read`."""

import os
import socket
import subprocess
import sys

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

CURL = sys.argv[1]
PORT = os.environ["AWS_ENDPOINT_URL"].rsplit(":", 1)[1]
URL = f"http://s3.test:{PORT}"
asked = set()
system = socket.getaddrinfo


def resolve(host, *arguments, **named):
    """Everything below the domain is this machine."""
    asked.add(host)
    is_ours = host == "s3.test" or host.endswith(".s3.test")
    return system("127.0.0.1" if is_ours else host, *arguments, **named)


socket.getaddrinfo = resolve


def client(style, url=URL, **config):
    config = Config(s3={"addressing_style": style}, signature_version="s3v4") if not config else Config(
        s3={"addressing_style": style}, **config
    )
    return boto3.client("s3", endpoint_url=url, config=config)


def fails(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        found = error.response["Error"]["Code"]
        assert found == code, f"{found} instead of {code}: {error}"
        return
    raise AssertionError(f"{code} was expected")


def curl(*arguments):
    command = [CURL, "-s", "-g", "--connect-to", f"::127.0.0.1:{PORT}", *arguments]
    return subprocess.run(command, check=True, capture_output=True).stdout


# The bucket is in the name of the host, and the port does not matter.
virtual = client("virtual")
virtual.create_bucket(Bucket="one")
virtual.create_bucket(Bucket="dots.in.it")
virtual.put_object(Bucket="one", Key="a/b c.txt", Body=b"text")
virtual.put_object(Bucket="dots.in.it", Key="one", Body=b"dots")
assert {"s3.test", "one.s3.test", "dots.in.it.s3.test"} >= asked >= {"one.s3.test"}, asked
assert virtual.get_object(Bucket="one", Key="a/b c.txt")["Body"].read() == b"text"
assert [entry["Key"] for entry in virtual.list_objects_v2(Bucket="one")["Contents"]] == ["a/b c.txt"]
assert len(virtual.list_buckets()["Buckets"]) == 2
fails("NoSuchBucket", virtual.list_objects_v2, Bucket="other")
# The same with the bucket in the path, by the domain and by the address.
for url in [URL, os.environ["AWS_ENDPOINT_URL"]]:
    path = client("path", url)
    assert path.get_object(Bucket="dots.in.it", Key="one")["Body"].read() == b"dots"
    assert path.get_object(Bucket="one", Key="a/b c.txt")["Body"].read() == b"text"
if CURL:
    signed = virtual.generate_presigned_url("put_object", Params={"Bucket": "one", "Key": "put"}, ExpiresIn=60)
    assert signed.startswith(f"http://one.s3.test:{PORT}/put?"), signed
    assert curl("-X", "PUT", "--data-binary", "from curl", signed) == b""
    # A signature is for one host.
    assert b"<Code>SignatureDoesNotMatch</Code>" in curl(signed.replace("one.s3", "dots.in.it.s3"), "-X", "PUT")
    assert curl("http://ONE.S3.Test/put") == b"from curl"
    assert curl("http://elsewhere.example.org/one/put") == b"from curl"
    virtual.delete_object(Bucket="one", Key="put")

# Without a key everybody reads objects whose names they know, and does nothing else.
nobody = client("virtual", signature_version=UNSIGNED)
assert nobody.get_object(Bucket="one", Key="a/b c.txt", Range="bytes=1-2")["Body"].read() == b"ex"
assert nobody.head_object(Bucket="one", Key="a/b c.txt")["ContentLength"] == 4
fails("NoSuchKey", nobody.get_object, Bucket="one", Key="none")
here = dict(Bucket="one", Key="a/b c.txt")
for call, arguments in [
    (nobody.list_buckets, {}),
    (nobody.list_objects_v2, dict(Bucket="one")),
    (nobody.list_multipart_uploads, dict(Bucket="one")),
    (nobody.create_bucket, dict(Bucket="two")),
    (nobody.delete_bucket, dict(Bucket="one")),
    (nobody.put_object, dict(Body=b"", **here)),
    (nobody.delete_object, here),
    (nobody.delete_objects, dict(Bucket="one", Delete={"Objects": [{"Key": "a/b c.txt"}]})),
    (nobody.copy_object, dict(Bucket="one", Key="copy", CopySource=here)),
    (nobody.create_multipart_upload, here),
]:
    fails("AccessDenied", call, **arguments)
# A key that is not known is not nobody.
stranger = boto3.client("s3", endpoint_url=URL, aws_access_key_id="stranger", aws_secret_access_key="x" * 20)
fails("InvalidAccessKeyId", stranger.get_object, **here)
assert virtual.get_object(**here)["Body"].read() == b"text"
