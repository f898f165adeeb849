"""Objects that are kept for a while.

write            makes the bucket `short`, and `long`, which keeps objects for nine epochs; writes into both
await BUCKETS    the same, as soon as there are no other buckets
check BUCKETS    these buckets are there with their objects, and no others"""

import sys
import time

import boto3
from botocore.exceptions import ClientError

KEYS = ["large", "small/1", "small/2"]
s3 = boto3.client("s3")


def content(bucket, key):
    return f"{bucket} {key} ".encode() * (50_000 if key == "large" else 10)


def header(request, **_):
    request.headers["x-walrus-epochs"] = "9"


if sys.argv[1] == "write":
    s3.create_bucket(Bucket="short")
    s3.meta.events.register("before-sign.s3.CreateBucket", header)
    s3.create_bucket(Bucket="long")
    for bucket in ["short", "long"]:
        for key in KEYS:
            s3.put_object(Bucket=bucket, Key=key, Body=content(bucket, key))
    sys.exit()
there = sys.argv[2:]
waits_until = time.monotonic() + (60 if sys.argv[1] == "await" else 0)
while len(s3.list_buckets()["Buckets"]) > len(there) and time.monotonic() < waits_until:
    time.sleep(0.1)
assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == there
for bucket in there:
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == KEYS
    for key in KEYS:
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == content(bucket, key), key
for bucket in {"short", "long"} - set(there):
    for call in [s3.get_object, s3.head_object]:
        try:
            call(Bucket=bucket, Key="large")
        except ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 404, error
        else:
            raise AssertionError(f"{bucket} has expired")
