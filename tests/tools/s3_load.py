"""Writes many objects at a time and prints the keys of those that were acknowledged; or, with `check`
and such keys on standard input, reads them."""

import hashlib
import sys
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.exceptions import BotoCoreError, ClientError

s3 = boto3.client("s3")


def content(key):
    number = int(key.rsplit("/", 1)[1])
    return hashlib.sha256(key.encode()).digest() * (1 + number % 50 * 40)


def put(key):
    try:
        s3.put_object(Bucket="load", Key=key, Body=content(key))
    except (BotoCoreError, ClientError):
        return
    sys.stdout.write(f"{key}\n")
    sys.stdout.flush()


if sys.argv[1] == "check":
    keys = sys.stdin.read().split()
    listed = set()
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket="load"):
        listed.update(entry["Key"] for entry in page.get("Contents", []))
    with ThreadPoolExecutor(8) as pool:
        bodies = pool.map(lambda key: s3.get_object(Bucket="load", Key=key)["Body"].read(), keys)
        for key, body in zip(keys, bodies):
            assert body == content(key) and key in listed, key
    # What was not acknowledged may be there, but then it is whole.
    for key in listed - set(keys):
        assert s3.get_object(Bucket="load", Key=key)["Body"].read() == content(key), key
else:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, [f"{number % 5}/{number}" for number in range(int(sys.argv[1]))]))
