#include "tests/support/http.hpp"

#include "tests/support/contract.hpp"

#include <cstdlib>
#include <sstream>
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <stdexcept>

namespace qflow::test {

json::value Answer::parsed() const {
  if (!cache_) {
    json::parse_options options;
    options.max_depth = 300;
    boost::system::error_code error;
    cache_ = json::parse(body, error, {}, options);
    if (error) throw std::runtime_error("answer is not JSON: " + body.substr(0, 300));
  }
  return *cache_;
}
std::string Answer::header(const std::string& name) const {
  const auto at = headers.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  const auto from = at + name.size() + 4;
  return headers.substr(from, headers.find("\r\n", from) - from);
}
const json::value& Answer::operator[](const char* name) const {
  static const json::value nothing;
  parsed();
  const auto* object = cache_->if_object();
  const auto* found = object == nullptr ? nullptr : object->if_contains(name);
  return found == nullptr ? nothing : *found;
}

Connection::Connection(unsigned short port) : port_(port) { connect(); }

bool Connection::connect() {
  buffer_.clear();
  socket_ = sandbox::UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port_);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const timeval patience{120, 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

void Connection::finish_sending() { ::shutdown(socket_.get(), SHUT_WR); }

bool Connection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

Answer Connection::receive(bool head) {
  Answer answer;
  const auto more = [&] {
    std::array<char, 65536> bytes;  // NOLINT: filled by the read
    const ssize_t got = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
    if (got > 0) buffer_.append(bytes.data(), static_cast<std::size_t>(got));
    return got > 0;
  };
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
    if (!more()) return answer;
  answer.headers = buffer_.substr(0, end + 2);
  std::size_t length = 0;
  answer.status = std::stoi(answer.headers.substr(9, 3));
  if (const auto at = answer.headers.find("Content-Length: "); at != std::string::npos && !head)
    length = std::stoul(answer.headers.substr(at + 16));
  while (buffer_.size() < end + 4 + length)
    if (!more()) return answer;
  answer.body = buffer_.substr(end + 4, length);
  buffer_.erase(0, end + 4 + length);
  return answer;
}

Answer Connection::call(const std::string& method, const std::string& target, const std::string& body,
                        const std::string& headers) {
  const std::string request = fmt::format("{} {} HTTP/1.1\r\nHost: 127.0.0.1\r\n{}Content-Length: {}\r\n\r\n{}", method,
                                          target, headers, body.size(), body);
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (send(request)) {
      Answer answer = receive(method == "HEAD");
      if (answer.status != 0) return answer;
    }
    if (!connect()) break;  // the server closes idle connections
  }
  return {};
}

Daemon::Daemon(std::vector<std::string> arguments, Program::Options options, std::shared_ptr<TempDir> directory)
    : directory_(directory ? std::move(directory) : std::make_shared<TempDir>()) {
  if (const char* server = std::getenv("QFLOW_TEST_SERVER"); server != nullptr) {
    const std::string_view named = server;
    port_ = static_cast<unsigned short>(std::stoi(server));
    token_ = named.substr(named.find(':') + 1);
    headers_ = "Authorization: Bearer " + token_ + "\r\n";
    connection_ = std::make_unique<Connection>(port_);
    return;
  }
  std::vector<std::string> all{
      bin("qflow"), "serve", "--listen", "127.0.0.1:0", "--data-dir", directory_->path() + "/data", "--no-rate-limits"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  program_ = std::make_shared<Program>(all, std::move(options));
  start_line_ = program_->line(std::chrono::seconds(60));
  const auto at = start_line_.find("http://127.0.0.1:");
  if (at == std::string::npos)
    throw std::runtime_error("the daemon did not start: " + program_->wait(std::chrono::seconds(5)).err);
  port_ = static_cast<unsigned short>(std::stoi(start_line_.substr(at + 17)));
  connection_ = std::make_unique<Connection>(port_);
  constexpr const char* kOwner = "owner@example.org";
  const Answer asked = call("POST", "/users", json::object());
  if (asked["error"].at("code") == "setup_required") {
    const std::string line = program_->line(std::chrono::seconds(10));
    setup_token_ = line.substr(line.rfind(' ') + 1);
    const Answer made =
        call("POST", "/users", {{"email", kOwner}, {"password", kPassword}, {"setupToken", setup_token_}});
    if (made.status != 201) throw std::runtime_error("cannot create the owner: " + made.body);
  }
  sign_in(kOwner);
}

void Daemon::sign_in(const std::string& email) {
  headers_.clear();
  const Answer answer = call("POST", "/login", {{"email", email}, {"password", kPassword}});
  if (answer.status != 200) throw std::runtime_error("cannot sign in: " + answer.body);
  token_ = std::string(answer["token"].as_string());
  headers_ = "Authorization: Bearer " + token_ + "\r\n";
}

Daemon Daemon::as_user(const std::string& email, const std::string& role) {
  const Answer made = post("/users", {{"email", email}, {"password", kPassword}, {"role", role}});
  if (made.status != 201) throw std::runtime_error("cannot create the user: " + made.body);
  Daemon other = apart();
  other.sign_in(email);
  return other;
}

Daemon Daemon::with_headers(const std::string& headers) const {
  Daemon other = apart();
  other.headers_ = headers;
  return other;
}

Daemon Daemon::apart() const {
  Daemon other{Apart{}};
  other.directory_ = directory_;
  other.program_ = program_;
  other.port_ = port_;
  other.token_ = token_;
  other.headers_ = headers_;
  other.connection_ = std::make_unique<Connection>(port_);
  return other;
}

std::string Daemon::zygote() const {
  std::string pid = std::to_string(program_->pid());
  for (int generation = 0; generation < 3; ++generation) {
    const std::string children = test::run({"pgrep", "-P", pid}).out;
    pid = children.substr(0, children.find('\n'));
  }
  return pid;
}

std::vector<std::string> Daemon::workers() const {
  std::vector<std::string> found;
  std::istringstream children(test::run({"pgrep", "-P", zygote()}).out);
  for (std::string pid; std::getline(children, pid);) found.push_back(pid);
  return found;
}

Answer Daemon::call(const std::string& method, const std::string& path, const json::value& body) {
  return send(method, path, body.is_null() ? "" : json::serialize(body));
}

Answer Daemon::send(const std::string& method, const std::string& path, const std::string& body,
                    const std::string& headers) {
  Answer answer = connection_->call(method, path, body, headers_ + headers);
  static const Contract contract(Connection(port_).call("GET", "/openapi.json").body);
  constexpr std::size_t kLargest = 4U << 20U;
  if (answer.status == 0 || answer.body.size() > kLargest) return answer;
  const std::string wrong = contract.check(method, path, answer.status, answer.header("Content-Type"), answer.body);
  if (!wrong.empty()) throw std::runtime_error("contradicts schema/openapi.yaml: " + wrong);
  return answer;
}

std::string Daemon::store(const json::value& workflow) {
  const Answer answer = post("/workflows", workflow);
  if (answer.status != 201) throw std::runtime_error(answer.body);
  return std::string(answer["id"].as_string());
}

Answer Daemon::run(const json::value& workflow, const json::value& input) {
  json::object body;
  if (!input.is_null()) body["input_data"] = input;
  return post("/workflows/" + store(workflow) + "/execute?wait=100", body);
}

Answer Daemon::node(const std::string& code, const json::value& input, json::object more) {
  more["code"] = code;
  if (!input.is_null()) more["input_data"] = input;
  return post("/nodes/python/execute", more);
}

std::string text(const json::value& value) {
  return value.is_string() ? std::string(value.get_string()) : json::serialize(value);
}
std::string error_code(const Answer& answer) { return text(answer["error"].at("code")); }
std::string error_message(const Answer& answer) { return text(answer["error"].at("message")); }

json::object greeting(const char* name) {
  json::object workflow = chain({node("greet", "def greet(name='you'): return 'hello ' + name")});
  workflow["name"] = name;
  return workflow;
}

json::object node(const std::string& id, const std::string& code, json::object more) {
  json::object out{{"id", id}, {"name", id}, {"type", "qflow.python"}, {"parameters", {{"code", code}}}};
  for (auto& [key, value] : more) out["parameters"].as_object()[key] = value;
  return out;
}

json::object chain(std::vector<json::object> nodes) {
  std::vector<std::pair<std::string, std::string>> edges;
  for (std::size_t i = 1; i < nodes.size(); ++i)
    edges.emplace_back(std::string(nodes[i - 1]["id"].as_string()), std::string(nodes[i]["id"].as_string()));
  return flow(std::move(nodes), std::move(edges));
}

json::object flow(std::vector<json::object> nodes, std::vector<std::pair<std::string, std::string>> edges) {
  json::array list, connections;
  for (auto& n : nodes) list.push_back(std::move(n));
  for (const auto& [from, to] : edges)
    connections.push_back(json::object{{"source", {{"nodeId", from}}}, {"target", {{"nodeId", to}}}});
  return {{"name", "test"}, {"nodes", std::move(list)}, {"connections", std::move(connections)}};
}

}  // namespace qflow::test
