"""An upload in parts that is cut off and goes on.

begin            begins one, uploads half of its parts, prints its ID, and then uploads another part again and again
resume ID        looks at what has arrived, uploads what is missing, prints `completing`, completes and compares
completed ID     sends the completion once more, whatever became of the first one, and compares"""

import hashlib
import sys

import boto3

PARTS = 4
s3 = boto3.client("s3")
named = dict(Bucket="parts", Key="film/one.bin")


def content(number):
    length = (5 << 20) + number if number < PARTS else 1_000_001
    block = b"".join(hashlib.sha256(b"%d %d" % (number, block)).digest() for block in range(1 << 10))
    return (block * (length // len(block) + 1))[:length]


def etag(number):
    return f'"{hashlib.md5(content(number)).hexdigest()}"'


def say(text):
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def upload(number):
    answer = s3.upload_part(PartNumber=number, Body=content(number), **named)
    assert answer["ETag"] == etag(number), number


def complete():
    parts = [{"PartNumber": number, "ETag": etag(number)} for number in range(1, PARTS + 1)]
    return s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **named)


def compare(answer):
    whole = b"".join(content(number) for number in range(1, PARTS + 1))
    digests = b"".join(hashlib.md5(content(number)).digest() for number in range(1, PARTS + 1))
    expected = f'"{hashlib.md5(digests).hexdigest()}-{PARTS}"'
    del named["UploadId"]
    got = s3.get_object(**named)
    assert answer["ETag"] == expected == got["ETag"], answer
    assert got["Body"].read() == whole and got["ContentType"] == "video/x"
    assert s3.get_object(Range="bytes=5242880-5242890", **named)["Body"].read() == whole[5242880:5242891]
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="parts")


if sys.argv[1] == "begin":
    s3.create_bucket(Bucket="parts")
    named["UploadId"] = s3.create_multipart_upload(ContentType="video/x", **named)["UploadId"]
    for number in range(1, PARTS // 2 + 1):
        upload(number)
    say(named["UploadId"])
    while True:
        upload(PARTS // 2 + 1)
named["UploadId"] = sys.argv[2]
if sys.argv[1] == "resume":
    uploads = s3.list_multipart_uploads(Bucket="parts")["Uploads"]
    assert [upload["UploadId"] for upload in uploads] == [named["UploadId"]], uploads
    there = s3.list_parts(**named)["Parts"]
    # The one that was on its way is there as a whole or not at all.
    assert [part["PartNumber"] for part in there] in ([1, 2], [1, 2, 3]), there
    for part in there:
        number = part["PartNumber"]
        assert (part["ETag"], part["Size"]) == (etag(number), len(content(number))), part
    for number in range(len(there) + 1, PARTS + 1):
        upload(number)
    say("completing")
compare(complete())
