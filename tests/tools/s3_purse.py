"""A store whose wallet runs out of money.

create        makes the bucket, or says why not
fill NAME     writes objects until one is refused, and prints the keys of those that were acknowledged, then why
put KEY       writes one
check         reads keys on standard input: these and no others are listed, and whole"""

import hashlib
import sys

import boto3
from botocore.exceptions import ClientError

WRITES_MAX = 200
s3 = boto3.client("s3")


def content(key):
    return hashlib.sha256(key.encode()).digest() * 5_000


def refusal(error):
    answer = error.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 503, answer
    after = answer["ResponseMetadata"]["HTTPHeaders"]["retry-after"]
    return f"{answer['Error']['Code']} {after} {answer['Error']['Message']}"


if sys.argv[1] == "create":
    try:
        s3.create_bucket(Bucket="purse")
        print("created")
    except ClientError as error:
        print(refusal(error))
elif sys.argv[1] == "fill":
    for number in range(WRITES_MAX):
        key = f"{sys.argv[2]}/{number}"
        try:
            s3.put_object(Bucket="purse", Key=key, Body=content(key))
        except ClientError as error:
            print(refusal(error))
            break
        print(key, flush=True)
    else:
        sys.exit("the money did not run out")
elif sys.argv[1] == "put":
    s3.put_object(Bucket="purse", Key=sys.argv[2], Body=content(sys.argv[2]))
else:
    keys = sys.stdin.read().split()
    listed = [entry["Key"] for entry in s3.list_objects_v2(Bucket="purse").get("Contents", [])]
    assert listed == sorted(keys), (listed, keys)
    for key in keys:
        assert s3.get_object(Bucket="purse", Key=key)["Body"].read() == content(key), key
