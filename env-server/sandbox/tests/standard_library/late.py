# syntax trees as text
import ast

assert ast.unparse(ast.parse("x=1+2*(3)")) == "x = 1 + 2 * 3"
# ---
# integers of thousands of digits
import sys

sys.set_int_max_str_digits(0)
power = 7**30_000
assert int(str(power)) == power and power // 7**15_000 == 7**15_000
# ---
# codecs by their names
assert b"caf\xe9".decode("cp1252") == "café" and b"\xef\xbb\xbfa".decode("utf-8-sig") == "a"
assert "ж".encode("koi8-r") == b"\xd6" and "語".encode("shift_jis") == b"\x8c\xea"
assert "bücher".encode("punycode") == b"bcher-kva" and "ü".encode("utf-16-be") == b"\x00\xfc"
# ---
# codecs from bytes to bytes
import codecs

assert codecs.encode(b"hello", "base64") == b"aGVsbG8=\n"
assert codecs.decode(codecs.encode(b"a" * 100, "zlib"), "zlib") == b"a" * 100
# ---
# XML
import xml.etree.ElementTree as ET
import xml.sax
from xml.dom import minidom

TEXT = '<a><b n="1"/></a>'
seen = []


class Handler(xml.sax.ContentHandler):
    def startElement(self, name, attributes):
        seen.append(name)


xml.sax.parseString(TEXT, Handler())
assert seen == ["a", "b"]
assert minidom.parseString(TEXT).getElementsByTagName("b")[0].getAttribute("n") == "1"
assert ET.fromstring(TEXT).find("b").get("n") == "1"
# ---
# mail
from email import message_from_string
from email.message import EmailMessage

message = EmailMessage()
message["Subject"] = "é"
message.set_content("hello")
assert message_from_string(message.as_string()).get_payload() == "hello\n"
# ---
# a database in memory
import sqlite3

database = sqlite3.connect(":memory:")
database.execute("create table t (k, v)")
database.executemany("insert into t values (?, ?)", [("a", 1), ("b", 2), ("a", 3)])
assert database.execute("select k, sum(v) from t group by k order by k").fetchall() == [("a", 4), ("b", 2)]
assert len(list(database.iterdump())) == 6
# ---
# archives in memory
import gzip
import io
import tarfile
import zipfile

assert gzip.decompress(gzip.compress(b"x" * 100)) == b"x" * 100
file = io.BytesIO()
with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("é.txt", "x" * 100)
assert zipfile.ZipFile(file).read("é.txt") == b"x" * 100
file = io.BytesIO()
with tarfile.open(fileobj=file, mode="w:gz") as archive:
    entry = tarfile.TarInfo("a")
    entry.size = 3
    archive.addfile(entry, io.BytesIO(b"abc"))
file.seek(0)
assert tarfile.open(fileobj=file).extractfile("a").read() == b"abc"
# ---
# tests
import io
import logging
import unittest
from unittest import mock


class Test(unittest.TestCase):
    def test(self):
        with self.assertLogs() as logs, mock.patch("math.pi", 3):
            logging.warning("x")
            self.assertEqual(__import__("math").pi, 3)
        self.assertEqual(logs.output, ["WARNING:root:x"])


suite = unittest.defaultTestLoader.loadTestsFromTestCase(Test)
assert unittest.TextTestRunner(io.StringIO()).run(suite).wasSuccessful()
# ---
# configuration
import configparser
import logging.config
import tomllib

config = configparser.ConfigParser()
config.read_string("[a]\nb = 1")
assert config["a"].getint("b") == 1 and tomllib.loads("a = 2024-01-01")["a"].year == 2024
logging.config.dictConfig({"version": 1})
