"""Does one step with a client of Iceberg or S3 that nobody here wrote, and prints what came of it as JSON.

Usage: lake.py STEP, with CATALOG (the URL of Iceberg REST), S3_ENDPOINT, S3_KEY and S3_SECRET in the environment.
"""

import datetime
import decimal
import json
import os
import sys

CATALOG, ENDPOINT = os.environ["CATALOG"], os.environ["S3_ENDPOINT"]
KEY, SECRET = os.environ["S3_KEY"], os.environ["S3_SECRET"]


def plain(value):
    """Values as JSON that tells them apart."""
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    return str(value) if isinstance(value, decimal.Decimal) else value


def rows_of(table):
    """All rows of an Arrow table as lists, in the order of their first column."""
    columns = [[plain(value) for value in column.to_pylist()] for column in table.columns]
    return sorted([list(row) for row in zip(*columns)], key=lambda row: row[0])


class PyIceberg:
    def __init__(self):
        from pyiceberg.catalog import load_catalog

        # The endpoint, the region and path-style come from the catalogue itself.
        secrets = {"s3.access-key-id": KEY, "s3.secret-access-key": SECRET}
        self.catalog = load_catalog("lake", type="rest", uri=CATALOG, **secrets)

    def arrow(self, ids):
        import pyarrow

        noon = datetime.datetime(2026, 11, 25, 12, tzinfo=datetime.timezone.utc)
        return pyarrow.table(
            {
                "id": pyarrow.array(ids, pyarrow.int64()),
                "name": pyarrow.array([None if i % 5 == 0 else f"n{i}" for i in ids], pyarrow.string()),
                "amount": pyarrow.array([decimal.Decimal(i) / 100 for i in ids], pyarrow.decimal128(10, 2)),
                "day": pyarrow.array([noon.date() + datetime.timedelta(i) for i in ids], pyarrow.date32()),
                "at": pyarrow.array(
                    [noon + datetime.timedelta(seconds=i) for i in ids], pyarrow.timestamp("us", "UTC")
                ),
            }
        )

    def create(self):
        rows = self.arrow(range(0, 100))
        self.catalog.create_namespace("hr")
        self.catalog.create_table("hr.people", schema=rows.schema).append(rows)

    def create_in_a_transaction(self):
        rows = self.arrow(range(0, 10))
        with self.catalog.create_table_transaction("hr.staged", schema=rows.schema) as transaction:
            transaction.append(rows)

    def append(self):
        self.catalog.load_table("hr.people").append(self.arrow(range(100, 150)))

    def read(self):
        return rows_of(self.catalog.load_table("hr.people").scan().to_arrow())

    def read_other(self):
        return rows_of(self.catalog.load_table("hr.ducks").scan().to_arrow())

    def evolve(self):
        from pyiceberg.types import LongType

        table = self.catalog.load_table("hr.people")
        with table.update_schema() as update:
            update.rename_column("name", "full_name")
            update.add_column("age", LongType())
            update.delete_column("day")

    def narrow(self):
        """A table whose columns can all become wider."""
        import pyarrow

        rows = pyarrow.table(
            {
                "id": pyarrow.array([1, 2, -3], pyarrow.int32()),
                "share": pyarrow.array([0.5, None, 0.25], pyarrow.float32()),
                "amount": pyarrow.array([decimal.Decimal("1.50"), None, decimal.Decimal("-9.99")], pyarrow.decimal128(5, 2)),
            }
        )
        self.catalog.create_namespace("hr")
        self.catalog.create_table("hr.people", schema=rows.schema).append(rows)

    def overwrite(self):
        import pyarrow

        table = self.catalog.load_table("hr.people")
        table.overwrite(table.scan().to_arrow().filter(pyarrow.compute.field("id") < 10))

    def delete(self):
        self.catalog.load_table("hr.people").delete("id >= 5")

    def rename(self):
        self.catalog.create_namespace("archive")
        self.catalog.rename_table("hr.people", "archive.people")
        return self.catalog.list_tables("archive")

    def drop(self):
        self.catalog.purge_table("archive.people")
        self.catalog.drop_namespace("archive")
        return self.catalog.list_namespaces()


class DuckDb:
    def __init__(self):
        import duckdb
        import duckdb_extension_avro
        import duckdb_extension_httpfs
        import duckdb_extension_iceberg

        self.db = duckdb.connect(config={"allow_unsigned_extensions": "true"})
        for package in [duckdb_extension_httpfs, duckdb_extension_avro, duckdb_extension_iceberg]:
            name = package.__name__.removeprefix("duckdb_extension_")
            folder = os.path.join(os.path.dirname(package.__file__), "extensions", f"v{duckdb.__version__}")
            self.db.execute(f"LOAD '{folder}/{name}.duckdb_extension'")
        host = ENDPOINT.removeprefix("http://")
        self.db.execute(
            f"CREATE SECRET (TYPE s3, KEY_ID '{KEY}', SECRET '{SECRET}', ENDPOINT '{host}', REGION 'us-east-1', "
            "URL_STYLE 'path', USE_SSL false)"
        )
        self.db.execute(
            f"ATTACH 'lakehouse' AS lake (TYPE iceberg, ENDPOINT '{CATALOG}', AUTHORIZATION_TYPE 'none')"
        )

    def read(self):
        return rows_of(self.db.sql("SELECT * FROM lake.hr.people").to_arrow_table())

    def write(self):
        self.db.execute("CREATE TABLE lake.hr.ducks (id BIGINT, name VARCHAR, price DECIMAL(10, 2), born DATE)")
        self.db.execute(
            "INSERT INTO lake.hr.ducks SELECT i, 'duck ' || i, i / 4, DATE '2026-11-25' + i::INT FROM range(1000) t(i)"
        )
        return rows_of(self.db.sql("SELECT * FROM lake.hr.ducks").to_arrow_table())

    def write_several_files(self):
        self.db.execute("CREATE TABLE lake.hr.flocks AS SELECT i AS id, i % 7 AS flock FROM range(100000) t(i)")
        self.db.execute("INSERT INTO lake.hr.flocks SELECT i, 8 FROM range(100000, 100010) t(i)")
        return self.db.sql("SELECT count(*), sum(id), count(DISTINCT flock) FROM lake.hr.flocks").fetchone()


class Boto:
    """The S3 face by itself, as a client of Amazon's sees it."""

    def __init__(self):
        import boto3

        self.s3 = boto3.client(
            "s3",
            endpoint_url=ENDPOINT,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
        )

    def code(self, call, **arguments):
        from botocore.exceptions import ClientError

        try:
            getattr(self.s3, call)(Bucket="lakehouse", **arguments)
        except ClientError as error:
            return error.response["Error"]["Code"]
        return "none"

    def objects(self):
        s3, bucket = self.s3, "lakehouse"
        body = os.urandom(3 << 20)
        put = s3.put_object(Bucket=bucket, Key="files/a b.bin", Body=body)
        got = s3.get_object(Bucket=bucket, Key="files/a b.bin")
        part = s3.get_object(Bucket=bucket, Key="files/a b.bin", Range="bytes=100-199")
        tail = s3.get_object(Bucket=bucket, Key="files/a b.bin", Range="bytes=-7")
        s3.copy_object(Bucket=bucket, Key="files/copy", CopySource={"Bucket": bucket, "Key": "files/a b.bin"})
        head = s3.head_object(Bucket=bucket, Key="files/copy")
        s3.put_object(Bucket=bucket, Key="files/empty", Body=b"")
        return {
            "same": got["Body"].read() == body,
            "part": part["Body"].read() == body[100:200] and part["ContentRange"] == f"bytes 100-199/{len(body)}",
            "tail": tail["Body"].read() == body[-7:],
            "copy": head["ContentLength"] == len(body),
            "etag": got["ETag"] == put["ETag"],
            "empty": s3.get_object(Bucket=bucket, Key="files/empty")["ContentLength"] == 0,
        }

    def parts(self):
        from boto3.s3.transfer import TransferConfig
        import io

        body = os.urandom((21 << 20) + 3)
        config = TransferConfig(multipart_threshold=8 << 20, multipart_chunksize=8 << 20)
        self.s3.upload_fileobj(io.BytesIO(body), "lakehouse", "files/large", Config=config)
        got = self.s3.get_object(Bucket="lakehouse", Key="files/large")["Body"].read()
        upload = self.s3.create_multipart_upload(Bucket="lakehouse", Key="files/never")["UploadId"]
        self.s3.upload_part(Bucket="lakehouse", Key="files/never", UploadId=upload, PartNumber=1, Body=b"x")
        self.s3.abort_multipart_upload(Bucket="lakehouse", Key="files/never", UploadId=upload)
        after = self.code("upload_part", Key="files/never", UploadId=upload, PartNumber=2, Body=b"x")
        return {"same": got == body, "after abort": after, "never": self.code("head_object", Key="files/never")}

    def listing(self):
        for key in ["list/a", "list/b/1", "list/b/2", "list/c"]:
            self.s3.put_object(Bucket="lakehouse", Key=key, Body=b"x")
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket="lakehouse", Prefix="list/", Delimiter="/", PaginationConfig={"PageSize": 1}
        )
        found = []
        for page in pages:
            found += [entry["Key"] for entry in page.get("Contents", [])]
            found += [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]
        gone = self.s3.delete_objects(
            Bucket="lakehouse", Delete={"Objects": [{"Key": "list/a"}, {"Key": "list/none"}, {"Key": "list/../x"}]}
        )
        errors = [error["Key"] for error in gone.get("Errors", [])]
        left = [entry["Key"] for entry in self.s3.list_objects(Bucket="lakehouse", Prefix="list/")["Contents"]]
        return {"found": found, "errors": errors, "left": left}

    def refusals(self):
        self.s3.put_object(Bucket="lakehouse", Key="cond", Body=b"1", IfNoneMatch="*")
        etag = self.s3.head_object(Bucket="lakehouse", Key="cond")["ETag"]
        return {
            "again": self.code("put_object", Key="cond", Body=b"2", IfNoneMatch="*"),
            "other etag": self.code("put_object", Key="cond", Body=b"2", IfMatch='"x"'),
            "same etag": self.code("put_object", Key="cond", Body=b"2", IfMatch=etag),
            "wrong md5": self.code("put_object", Key="md5", Body=b"2", ContentMD5="AAAAAAAAAAAAAAAAAAAAAA=="),
            "wrong crc": self.code("put_object", Key="crc", Body=b"2", ChecksumCRC32="AAAAAA=="),
            "missing": self.code("get_object", Key="none"),
            "beyond": self.code("get_object", Key="cond", Range="bytes=5-"),
            "hostile": self.code("put_object", Key="a/../../b", Body=b"x"),
            "own folder": self.code("put_object", Key=".lakehouse/x", Body=b"x"),
            "stored anyway": [self.code("head_object", Key=key) for key in ["md5", "crc"]],
        }

    def strangers(self):
        global KEY, SECRET
        SECRET = "wrong"
        wrong_secret = Boto().code("list_objects_v2")
        KEY = "nobody"
        unknown_key = Boto().code("list_objects_v2")
        import urllib.request
        from urllib.error import HTTPError

        try:
            urllib.request.urlopen(f"{ENDPOINT}/lakehouse/cond")
            unsigned = 200
        except HTTPError as error:
            unsigned = error.code
        return {"wrong secret": wrong_secret, "unknown key": unknown_key, "unsigned": unsigned}


def main(step):
    client, method = step.split(".")
    result = getattr({"pyiceberg": PyIceberg, "duckdb": DuckDb, "boto": Boto}[client](), method)()
    print(json.dumps(result))


main(sys.argv[1])
