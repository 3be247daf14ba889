// Debian's Python packages, in the sandbox: what they read at import, or as soon as they are used, is there.
#include <doctest/doctest.h>

#include "tests/support/cli.hpp"

using namespace qflow::test;

namespace {

struct Package {
  std::string module;
  const char* code;  ///< of f(), which returns "ok" or what is wrong
};

// tzdata is what zoneinfo and pytz read: Debian has it outside of Python.
const Package kPackages[] = {
    {"matplotlib", R"(
def f():
    import io, os, matplotlib, matplotlib.pyplot as plt
    figure, axes = plt.subplots()
    axes.plot([1, 2, 3], [1, 4, 9])
    axes.set_title("Größe")
    out = io.BytesIO()
    figure.savefig(out, format="png")
    directory = matplotlib.get_configdir()
    open(os.path.join(directory, "mine"), "w").close()
    found = matplotlib.get_backend(), directory.startswith("/node/"), out.getvalue()[:4], os.environ["HOME"]
    return "ok" if found == ("agg", True, b"\x89PNG", "/node") else repr(found)
)"},
    {"pytz", R"(
def f():
    import datetime, pytz, zoneinfo
    summer = datetime.datetime(2026, 7, 1)
    offsets = (summer.replace(tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")).utcoffset(),
               pytz.timezone("Europe/Berlin").localize(summer).utcoffset())
    enough = len(zoneinfo.available_timezones()) > 400
    return "ok" if offsets == (datetime.timedelta(hours=2),) * 2 and enough else repr(offsets)
)"},
    {"certifi", R"(
def f():
    import certifi, ssl
    known = ssl.create_default_context(cafile=certifi.where()).get_ca_certs()
    return "ok" if len(known) > 50 and "BEGIN CERTIFICATE" in certifi.contents() else str(len(known))
)"},
    {"babel", R"(
def f():
    import datetime
    from babel.dates import format_date
    from babel.numbers import format_currency
    said = format_date(datetime.date(2026, 1, 2), locale="de_DE"), format_currency(1234.5, "EUR", locale="de_DE")
    return "ok" if said == ("02.01.2026", "1.234,50\xa0€") else repr(said)
)"},
    {"nltk", R"(
def f():
    import nltk
    from nltk.stem import PorterStemmer
    said = PorterStemmer().stem("running"), nltk.wordpunct_tokenize("a b, c")
    return "ok" if said == ("run", ["a", "b", ",", "c"]) else repr(said)
)"},
    {"lxml", R"(
def f():
    from lxml import etree, html
    page = html.fromstring("<p>x<b>y")
    style = etree.XSLT(etree.XML('<x:stylesheet version="1.0" xmlns:x="http://www.w3.org/1999/XSL/Transform">'
                                 '<x:template match="/"><t><x:value-of select="//b"/></t></x:template></x:stylesheet>'))
    said = etree.tostring(page), str(style(page))
    return "ok" if said[0] == b"<p>x<b>y</b></p>" and "<t>y</t>" in said[1] else repr(said)
)"},
    {"PIL", R"(
def f():
    import io
    from PIL import Image, ImageDraw, ImageFont
    image = Image.new("RGB", (40, 20), "red")
    ImageDraw.Draw(image).text((1, 1), "hi", font=ImageFont.load_default())
    sizes = []
    for kind in ("PNG", "JPEG", "GIF", "WEBP", "TIFF"):
        out = io.BytesIO()
        image.save(out, kind)
        out.seek(0)
        sizes.append(Image.open(out).size)
    return "ok" if set(sizes) == {(40, 20)} else repr(sizes)
)"},
    {"scipy", R"(
def f():
    import numpy, scipy.linalg, scipy.optimize, scipy.stats
    root = scipy.optimize.brentq(lambda x: x * x - 2, 0, 2)
    inverse = scipy.linalg.inv(numpy.array([[2.0, 0], [0, 4]]))
    chance = scipy.stats.norm.cdf(0)
    return "ok" if (round(root, 6), inverse[1][1], chance) == (1.414214, 0.25, 0.5) else repr((root, inverse, chance))
)"},
};

bool is_there(Daemon& daemon, const std::string& module) {
  return daemon.node(std::string("import importlib.util\ndef f(): return importlib.util.find_spec('") + module +
                     "') is not None")["output"] == true;
}

}  // namespace

TEST_CASE("what Debian's Python packages read outside of Python's library is visible in a sandbox") {
  Daemon daemon({"--timeout", "60", "--memory", "1024"});
  for (const Package& package : kPackages) {
    CAPTURE(package.module);
    if (!is_there(daemon, package.module)) {
      MESSAGE("skipped: ", package.module, " is not installed here");
      continue;
    }
    // More than once: the zygote tries to import it before it forks, and what fails there must not spoil the workers.
    for (int time = 0; time < 4; ++time) {
      const Answer done = daemon.node(package.code);
      CHECK_MESSAGE(done["output"] == "ok", done.body.substr(0, 3000));
      CHECK_MESSAGE(done["denied"] == json::array(), json::serialize(done["denied"]));
    }
  }
}

TEST_CASE("a package that imports only in a worker stays whole there, whatever its import left in the zygote") {
  Daemon daemon;
  const std::string code = R"(
import parts
def f(): return [parts.inner.number, len(parts.__all__)]
)";
  json::object flow = chain({node("f", code)});
  // Fails where nothing can be written, which is so in a zygote, after it has imported a part of itself.
  flow["modules"] = json::object{{"parts", "import parts.inner\nopen('/tmp/x', 'w').close()\n__all__ = ['inner']\n"},
                                 {"parts.inner", "number = 7\n"}};
  const std::string id = daemon.store(flow);
  for (int time = 0; time < 3; ++time) {
    const Answer done = daemon.post("/workflows/" + id + "/execute?wait=20");
    CHECK_MESSAGE(done["status"] == "completed", done.body.substr(0, 2000));
  }
}

TEST_CASE("users, groups and hosts are looked up without a denial in the report") {
  Daemon daemon;
  const Answer done = daemon.node(
      "import getpass, grp, os, pwd, socket\ndef f():\n    return [getpass.getuser(), "
      "pwd.getpwuid(os.getuid()).pw_name, "
      "grp.getgrgid(os.getgid()).gr_name, os.path.expanduser('~root'), socket.gethostbyname('localhost')]");
  CHECK_MESSAGE(json::serialize(done["output"]) == R"(["node","node","node","/root","127.0.0.1"])", done.body);
  CHECK(done["denied"] == json::array());
}

TEST_CASE("a figure is handed out as a picture") {
  Daemon daemon;
  if (!is_there(daemon, "matplotlib")) {
    MESSAGE("skipped: matplotlib is not installed here");
    return;
  }
  const Cli cli;
  const std::string flow = cli.flow(chain({node("plot", R"(
def plot():
    import matplotlib.pyplot as plt
    figure, axes = plt.subplots()
    axes.plot([1, 2])
    return figure
)")}));
  const Finished done = cli({"run", flow, "--json", "--out", cli.directory.path() + "/out"});
  REQUIRE_MESSAGE(done.code == 0, done.err);
  const json::value report = json::parse(done.out);
  REQUIRE(report.at("files").as_array().size() == 1);
  const json::value& file = report.at("files").at(0);
  CHECK(file.at("mime_type") == "image/png");
  CHECK(qflow::sandbox::read_file(text(file.at("path")), 4) == "\x89PNG");
}
