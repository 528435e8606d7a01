import contextlib
import csv
import gzip
import os
import pathlib
import shutil
import sqlite3
import tempfile
import zipfile

with open("rows.csv", "w", newline="") as file:
    csv.writer(file).writerows([("a", 1), ("b", 2)])
with open("rows.csv", newline="") as file:
    assert list(csv.reader(file)) == [["a", "1"], ["b", "2"]]
with open("rows.csv", "r+b") as file:
    file.seek(-5, os.SEEK_END)
    file.write(b"z")
    assert file.tell() == 6 and file.seek(0) == 0 and file.read() == b"a,1\r\nz,2\r\n"
folder = pathlib.Path("deep/er")
folder.mkdir(parents=True)
(folder / "x.txt").write_text("\u00e9\n")
assert (folder / "x.txt").stat().st_size == 3 and os.path.isdir("deep") and os.getcwd() == "/"
os.rename("deep/er/x.txt", "deep/y.txt")
assert sorted(str(path) for path in pathlib.Path("deep").rglob("*")) == ["deep/er", "deep/y.txt"]
with tempfile.TemporaryDirectory() as temporary, gzip.open(f"{temporary}/z.gz", "wt") as packed:
    packed.write("packed")
    packed.flush()
    assert os.listdir(temporary) == ["z.gz"]
assert os.listdir("/tmp") == []
with zipfile.ZipFile("a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    archive.write("deep/y.txt")
assert zipfile.ZipFile("a.zip").read("deep/y.txt").decode() == "\u00e9\n"
with contextlib.closing(sqlite3.connect("data.db")) as database, database:
    database.execute("create table t (n)")
    database.executemany("insert into t values (?)", [(n,) for n in range(100)])
with contextlib.closing(sqlite3.connect("data.db")) as database:
    assert database.execute("select sum(n) from t").fetchone() == (4950,)
with open("log.txt", "a") as one, open("log.txt", "a") as other:
    print("one", file=one, flush=True)
    print("other", file=other, flush=True)
assert open("log.txt").read() == "one\nother\n"
assert shutil.copy2("log.txt", "deep") == "deep/log.txt" and shutil.move("deep/log.txt", "moved.txt") == "moved.txt"
assert os.path.getsize("moved.txt") == os.path.getsize("log.txt")
shutil.copytree("deep", "deeper")
assert sorted(os.listdir("deeper")) == ["er", "y.txt"]
shutil.rmtree("deep")
assert not os.path.exists("deep")
