"""Many keys, and every way to list them.

put COUNT     writes them, many at a time
check COUNT   lists them by pages, below prefixes and by folders, and compares with what has to be there"""

import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import boto3
from botocore.config import Config

PROCESSES = 2
THREADS = 32
COUNT = int(sys.argv[2])


def client():
    return boto3.client("s3", config=Config(max_pool_connections=THREADS))


def key(number):
    return f"{number % 10}/{number % 97:02}/{number:05}"


def write(first):
    s3 = client()

    def put(number):
        s3.put_object(Bucket="many", Key=key(number), Body=b"%d" % number)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(put, range(first, COUNT, PROCESSES)))


def expected(keys, prefix="", delimiter="", after=""):
    """What S3 promises: keys, and what they have in common up to the delimiter, in the order of bytes."""
    entries = []
    for key in keys:
        if not key.startswith(prefix) or key <= after:
            continue
        end = key.find(delimiter, len(prefix)) if delimiter else -1
        entry = key if end < 0 else key[: end + len(delimiter)]
        if entries[-1:] != [entry]:
            entries.append(entry)
    return entries


def pages(s3, size, **query):
    """All entries, by pages of `size`."""
    entries, token = [], {}
    while True:
        page = s3.list_objects_v2(Bucket="many", MaxKeys=size, **query, **token)
        found = [entry["Key"] for entry in page.get("Contents", [])]
        found += [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]
        assert page["KeyCount"] == len(found) <= size
        entries += sorted(found)
        if not page["IsTruncated"]:
            return entries
        assert len(found) == size, "a page that is not the last one is full"
        token = {"ContinuationToken": page["NextContinuationToken"]}


def first_version(s3, size, **query):
    """All entries with the first version of the operation, which goes on after a marker."""
    entries, marker = [], ""
    while True:
        page = s3.list_objects(Bucket="many", MaxKeys=size, Marker=marker, **query)
        found = [entry["Key"] for entry in page.get("Contents", [])]
        found += [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]
        entries += sorted(found)
        if not page["IsTruncated"]:
            return entries
        marker = page.get("NextMarker") or entries[-1]


if __name__ == "__main__":
    s3 = client()
    if sys.argv[1] == "put":
        s3.create_bucket(Bucket="many")
        with ProcessPoolExecutor(PROCESSES) as pool:
            list(pool.map(write, range(PROCESSES)))
        sys.exit()
    keys = sorted(key(number) for number in range(COUNT))
    assert pages(s3, 1000) == keys
    for size, prefix, delimiter in [
        (7, "", "/"),
        (3, "", "/"),
        (10, "3/", "/"),
        (1, "3/", "/"),
        (1000, "3/1", "/"),
        (13, "3/1", ""),
        (1000, "3/13/", "/"),
        (5, "3/13/", "/"),
        (1000, "none", "/"),
        (100, "4/", "0"),
        (1000, "3/13/", "/0"),
    ]:
        there = expected(keys, prefix, delimiter)
        query = dict(Prefix=prefix, Delimiter=delimiter)
        assert pages(s3, size, **query) == there, (size, query)
        assert first_version(s3, size, **query) == there, (size, query)
    for after in ["3/13", keys[500], "9/99", "zzz"]:
        assert pages(s3, 1000, StartAfter=after) == expected(keys, after=after), after
        there = expected(keys, "3/", "/", after)
        assert pages(s3, 10, Prefix="3/", Delimiter="/", StartAfter=after) == there, after
    some = keys[:: max(1, COUNT // 50)]
    with ThreadPoolExecutor(8) as pool:
        bodies = pool.map(lambda key: s3.get_object(Bucket="many", Key=key)["Body"].read(), some)
        for name, body in zip(some, bodies):
            assert body == b"%d" % int(name.rsplit("/", 1)[1]), name
