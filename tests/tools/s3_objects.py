"""What S3 promises, asked for with boto3. The argument is the path of curl, or empty."""

import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

CURL = sys.argv[1]
s3 = boto3.client("s3", config=Config(signature_version="s3v4", s3={"addressing_style": "path"}))
URL = os.environ["AWS_ENDPOINT_URL"]


def fails(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        found = error.response["Error"]["Code"]
        assert found == code, f"{found} instead of {code}: {error}"
        return error.response
    raise AssertionError(f"{code} was expected")


def body(key, **arguments):
    return s3.get_object(Bucket="one", Key=key, **arguments)["Body"].read()


# Buckets.
s3.create_bucket(Bucket="one")
fails("BucketAlreadyOwnedByYou", s3.create_bucket, Bucket="one")
fails("NoSuchBucket", s3.list_objects_v2, Bucket="other")
refused = fails("NoSuchBucket", s3.put_object, Bucket="other", Key="a", Body=b"a")
# What was not read is in the way of another request.
assert refused["ResponseMetadata"]["HTTPHeaders"]["connection"] == "close"
assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["one"]
assert s3.head_bucket(Bucket="one")["ResponseMetadata"]["HTTPStatusCode"] == 200
assert s3.get_bucket_location(Bucket="one")["LocationConstraint"] is None

# An object, and what is said about it.
text = b"0123456789" * 1000
put = s3.put_object(
    Bucket="one", Key="a/b.txt", Body=text, ContentType="text/plain", CacheControl="no-store",
    Metadata={"colour": "blue"},
)
assert put["ETag"] == f'"{hashlib.md5(text).hexdigest()}"'
got = s3.get_object(Bucket="one", Key="a/b.txt")
assert got["Body"].read() == text and got["ETag"] == put["ETag"]
assert (got["ContentType"], got["CacheControl"], got["Metadata"]) == ("text/plain", "no-store", {"colour": "blue"})
head = s3.head_object(Bucket="one", Key="a/b.txt")
assert head["ContentLength"] == len(text) and head["LastModified"] == got["LastModified"]
assert body("a/b.txt", Range="bytes=5-14") == text[5:15]
assert body("a/b.txt", Range="bytes=-3") == text[-3:]
fails("InvalidRange", s3.get_object, Bucket="one", Key="a/b.txt", Range="bytes=10000-")
fails("NoSuchKey", s3.get_object, Bucket="one", Key="a")

# Conditions.
etag = put["ETag"]
assert body("a/b.txt", IfMatch=etag) == text
fails("PreconditionFailed", s3.get_object, Bucket="one", Key="a/b.txt", IfMatch='"x"')
fails("304", s3.get_object, Bucket="one", Key="a/b.txt", IfNoneMatch=etag)
fails("304", s3.get_object, Bucket="one", Key="a/b.txt", IfModifiedSince=got["LastModified"])
fails("PreconditionFailed", s3.put_object, Bucket="one", Key="a/b.txt", Body=b"", IfNoneMatch="*")
fails("PreconditionFailed", s3.put_object, Bucket="one", Key="a/b.txt", Body=b"", IfMatch='"x"')

# What arrives wrong is refused.
fails("BadDigest", s3.put_object, Bucket="one", Key="bad", Body=b"a", ContentMD5="XrY7u+Ae7tCTyyK7j1rNww==")
fails("MetadataTooLarge", s3.put_object, Bucket="one", Key="bad", Body=b"a", Metadata={"a": "x" * 3000})
fails("NotImplemented", s3.put_object, Bucket="one", Key="bad", Body=b"a", ACL="public-read")
fails("NotImplemented", s3.get_bucket_versioning, Bucket="one")

# Keys are names and nothing else.
hostile = ["../../etc/passwd", "a//b", "/", "%2e%2e/%00", "tab\there", "new\nline ", "é/ü", "k" * 1024, "+ &=?#"]
with ThreadPoolExecutor(len(hostile)) as pool:
    list(pool.map(lambda key: s3.put_object(Bucket="one", Key=key, Body=key.encode()), hostile))
for key in hostile:
    assert body(key) == key.encode(), key
fails("KeyTooLongError", s3.put_object, Bucket="one", Key="k" * 1025, Body=b"")
listed = [entry["Key"] for entry in s3.list_objects_v2(Bucket="one")["Contents"]]
assert listed == sorted(hostile + ["a/b.txt"], key=str.encode), listed

# Overwriting, empty objects, copies.
s3.put_object(Bucket="one", Key="é/ü", Body=b"")
assert body("é/ü") == b""
s3.copy_object(Bucket="one", Key="copy", CopySource={"Bucket": "one", "Key": "a/b.txt"})
assert body("copy") == text and s3.head_object(Bucket="one", Key="copy")["Metadata"] == {"colour": "blue"}
s3.copy_object(
    Bucket="one", Key="copy", CopySource={"Bucket": "one", "Key": "copy"}, MetadataDirective="REPLACE",
    ContentType="a/b", Metadata={"n": "2"},
)
head = s3.head_object(Bucket="one", Key="copy")
assert (head["ContentType"], head["Metadata"]) == ("a/b", {"n": "2"})

# Uploads in parts.
part = os.urandom(5 << 20)
upload = s3.create_multipart_upload(Bucket="one", Key="large", ContentType="x/y")["UploadId"]
named = dict(Bucket="one", Key="large", UploadId=upload)
first = s3.upload_part(PartNumber=1, Body=part, **named)
second = s3.upload_part_copy(PartNumber=2, CopySource="one/a/b.txt", CopySourceRange="bytes=0-99", **named)
assert [entry["Key"] for entry in s3.list_multipart_uploads(Bucket="one")["Uploads"]] == ["large"]
assert [entry["Size"] for entry in s3.list_parts(**named)["Parts"]] == [5 << 20, 100]
parts = [
    {"PartNumber": 1, "ETag": first["ETag"]},
    {"PartNumber": 2, "ETag": second["CopyPartResult"]["ETag"]},
]
fails("InvalidPart", s3.complete_multipart_upload, MultipartUpload={"Parts": [{"PartNumber": 3, "ETag": "x"}]}, **named)
fails("InvalidPartOrder", s3.complete_multipart_upload, MultipartUpload={"Parts": parts[::-1]}, **named)
done = s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **named)
md5s = hashlib.md5(part).digest() + hashlib.md5(text[:100]).digest()
assert done["ETag"] == f'"{hashlib.md5(md5s).hexdigest()}-2"'
assert body("large") == part + text[:100]
assert body("large", Range=f"bytes={(5 << 20) - 2}-{(5 << 20) + 1}") == part[-2:] + text[:2]
# Whoever did not hear the answer asks again.
assert s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **named)["ETag"] == done["ETag"]
fails("NoSuchUpload", s3.complete_multipart_upload, MultipartUpload={"Parts": parts[:1]}, **named)
fails("NoSuchUpload", s3.list_parts, **named)
aborted = s3.create_multipart_upload(Bucket="one", Key="aborted")["UploadId"]
s3.abort_multipart_upload(Bucket="one", Key="aborted", UploadId=aborted)
assert "Uploads" not in s3.list_multipart_uploads(Bucket="one")

# Presigned URLs, wrong signatures, nobody.
if CURL:
    def curl(*arguments):
        return subprocess.run([CURL, "-s", "-g", *arguments], check=True, capture_output=True).stdout

    url = s3.generate_presigned_url("get_object", Params={"Bucket": "one", "Key": "a/b.txt"}, ExpiresIn=60)
    assert curl(url) == text
    assert b"<Code>SignatureDoesNotMatch</Code>" in curl(url.replace("b.txt", "c.txt"))
    url = s3.generate_presigned_url("put_object", Params={"Bucket": "one", "Key": "put"}, ExpiresIn=60)
    curl("-X", "PUT", "--data-binary", "from curl", url)
    assert body("put") == b"from curl"
    assert b"<Code>AccessDenied</Code>" in curl(f"{URL}/one/a/b.txt")
    assert b"<Code>InvalidBucketName</Code>" in curl(f"{URL}/..%2f..%2fetc/passwd")
other = dict(config=Config(s3={"addressing_style": "path"}))
wrong = boto3.client(
    "s3", aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"], aws_secret_access_key="another-secret-of-somebody", **other
)
fails("SignatureDoesNotMatch", wrong.list_buckets)
stranger = boto3.client("s3", aws_access_key_id="stranger", aws_secret_access_key="x" * 20, **other)
fails("InvalidAccessKeyId", stranger.list_buckets)
nobody = boto3.client("s3", config=Config(signature_version=UNSIGNED, s3={"addressing_style": "path"}))
fails("AccessDenied", nobody.get_object, Bucket="one", Key="a/b.txt")

# Deletions, until the bucket is empty and gone.
fails("BucketNotEmpty", s3.delete_bucket, Bucket="one")
s3.delete_object(Bucket="one", Key="copy")
s3.delete_object(Bucket="one", Key="copy")
fails("404", s3.head_object, Bucket="one", Key="copy")
keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket="one")["Contents"]]
answer = s3.delete_objects(Bucket="one", Delete={"Objects": [{"Key": key} for key in keys]})
assert len(answer["Deleted"]) == len(keys) and "Errors" not in answer, answer
assert "Contents" not in s3.list_objects_v2(Bucket="one")
s3.delete_bucket(Bucket="one")
assert s3.list_buckets()["Buckets"] == []
