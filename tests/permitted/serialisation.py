"""json, pickle, csv, xml, configparser, struct, base64.

must: value "ok"
"""

import base64
import configparser
import csv
import io
import json
import pickle
import struct
import xml.etree.ElementTree as tree


class Point:
    def __init__(self, x):
        self.x = x


def attempt():
    config = configparser.ConfigParser()
    config.read_string("[a]\nb=1\n")
    rows = list(csv.reader(io.StringIO("a,b\n1,2\n")))
    copy = pickle.loads(pickle.dumps(Point(3)))
    root = tree.fromstring("<a><b c='1'/></a>")
    fine = json.loads(json.dumps({"x": [1.5, None]})) == {"x": [1.5, None]} and struct.unpack("<I", struct.pack("<I", 7)) == (7,)
    return "ok" if fine and rows[1] == ["1", "2"] and copy.x == 3 and root[0].get("c") == "1" and base64.b64decode("eA==") == b"x" and config["a"]["b"] == "1" else "wrong"
