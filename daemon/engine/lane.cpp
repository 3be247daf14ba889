#include "daemon/engine/lane.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <type_traits>

#include "daemon/base/text.hpp"
#include "daemon/flow/control.hpp"
#include "schema/text/parse_json.hpp"

namespace qflow::engine {
namespace {

constexpr std::size_t kMostLoadedMeta = 256U << 10U;
constexpr std::size_t kMostParameters = 1000;
constexpr std::size_t kPreviewSlack = 64U << 10U;  // a worker stops at its limit, give or take one element
constexpr std::size_t kMostElements = 300'000;     // of one preview; a worker writes at most 100,000
constexpr std::size_t kMostFiles = 64;             // of one value
constexpr std::size_t kFilePiece = 1U << 20U;
constexpr std::size_t kValuePiece = 8U << 20U;
constexpr std::uint32_t kFirstFetch = 0x40000000U;
constexpr double kForkSeconds = 20;

// How much of a text that was cut off is whole characters: everything but an unfinished last one.
std::size_t whole_utf8(std::string_view text) {
  std::size_t start = text.size();
  while (start > 0 && text.size() - start < 4 && (static_cast<unsigned char>(text[start - 1]) & 0xC0U) == 0x80U)
    --start;
  return start > 0 && static_cast<unsigned char>(text[start - 1]) >= 0xC0U ? start - 1 : text.size();
}

Clock::duration duration_of(double seconds) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

}  // namespace

Lane::Lane(workers::Lease worker, const workers::Settings& settings, std::size_t channel)
    : worker_(std::move(worker)), settings_(settings), channel_(channel), arrived_(!worker_->is_branch()) {
  worker_->begin();
}

// The pool gets the worker a moment later; until then it must not call this lane's observer.
Lane::~Lane() { worker_->watch_output(nullptr); }

void Lane::load(std::size_t step, const flow::Step& node, const boost::json::object* execution) {
  schema::Load load;
  load.file = node.file;
  load.mark = worker_->nonce();
  load.function = node.node.function;
  if (!node.node.file.empty()) load.name = node.node.name;
  if (node.is_flow()) {
    boost::json::object flow = flow::control_json(node.node);
    if (node.loop) flow["loop"] = load_id(*node.loop);
    load.flow = std::move(flow);
  }
  if (execution != nullptr) load.execution = *execution;
  schema::pack(schema::Kind::load, load_id(step), load, queue_, node.node.code);
  expect(LaneRequest::What::load, step, node.timeout);
}

LaneRequest& Lane::expect(LaneRequest::What what, std::size_t step, double seconds) {
  LaneRequest request;
  request.what = what;
  request.step = step;
  request.seconds = seconds;
  expected_.push_back(request);
  return expected_.back();
}

void Lane::module(const std::string& name, const std::string& source) {
  schema::pack(schema::Kind::module, 0, schema::HelperModule{name}, queue_, source);
}

void Lane::file(const std::string& name, std::string_view bytes) {
  if (queue_.size() + bytes.size() > kMostQueued) throw std::length_error("files");
  do {
    schema::pack(schema::Kind::file, 0, schema::InputPiece{name}, queue_, std::string(bytes.substr(0, kFilePiece)));
    bytes.remove_prefix(std::min(bytes.size(), kFilePiece));
  } while (!bytes.empty());
}

void Lane::give(std::size_t step, std::string_view text, const std::string& encoding) {
  do {
    const std::string_view piece = text.substr(0, kValuePiece);
    text.remove_prefix(piece.size());
    schema::pack(schema::Kind::give, call_id(step), schema::Give{encoding, text.empty()}, queue_, std::string(piece));
  } while (!text.empty());
}

void Lane::adopt(const schema::Adopt& adopt) { schema::pack(schema::Kind::adopt, 0, adopt, queue_); }

void Lane::state(const std::string& news) { schema::pack(schema::Kind::state, 0, schema::Analysed{}, queue_, news); }

void Lane::call(std::size_t step, const flow::Step& node, const schema::Call& call, std::uint64_t round) {
  schema::pack(schema::Kind::call, call_id(step), call, queue_);
  if (queue_.size() > kMostQueued) throw std::length_error("arguments");
  LaneRequest& request = expect(LaneRequest::What::call, step, node.timeout);
  request.preview_bytes = call.preview_bytes;
  request.outputs = node.is_flow() ? std::max<std::size_t>(1, node.node.outputs.size()) : 0;
  request.round = round;
  request.again = call.again.value_or(false);
  request.at = call.at;
}

std::unique_ptr<Lane> Lane::branch(std::size_t channel) {
  send();
  std::shared_ptr<workers::Worker> fork = worker_->fork();
  expect(LaneRequest::What::branch, fork->id(), kForkSeconds);
  asio::any_io_executor executor = fork->executor();
  return std::make_unique<Lane>(workers::Lease(std::move(executor), std::move(fork)), settings_, channel);
}

Task<bool> Lane::arrive() {
  if (!std::exchange(arrived_, true)) {
    std::string problem = co_await worker_->greet_branch(duration_of(kForkSeconds));
    if (!problem.empty() && worker_->end() == workers::End::none) violate("as a branch, " + problem);
  }
  co_return !is_lost();
}

void Lane::drop(const Lane& branch) {
  schema::pack(schema::Kind::drop, branch.worker_->id(), schema::Drop{branch.worker_->inner_pid()}, queue_);
}

void Lane::pack(std::size_t step, double seconds, const Lane& forked, bool results) {
  schema::pack(schema::Kind::pack, call_id(step), schema::Pack{forked.worker_->id(), results}, queue_);
  expect(LaneRequest::What::pack, step, seconds);
}

void Lane::take(std::size_t step, double seconds, const Lane& branch, bool results) {
  schema::pack(schema::Kind::take, call_id(step), schema::Take{branch.worker_->id(), results}, queue_);
  expect(LaneRequest::What::take, step, seconds);
}

void Lane::send() { worker_->post(std::exchange(queue_, {})); }

void Lane::forget() {
  queue_.clear();
  expected_.clear();
  running_ = false;
}

const LaneRequest* Lane::begin_next() {
  if (expected_.empty() || running_) return nullptr;
  const LaneRequest& next = expected_.front();
  running_ = true;
  begun_ = Clock::now();
  notes_ = 0;
  worker_->set_deadline(Clock::now() + duration_of(next.seconds));
  worker_->begin_node(duration_of(next.seconds * (limits().cpu_millis / 1000.0)));
  return &next;
}

Task<std::optional<LaneAnswer>> Lane::receive() {
  const std::optional<schema::Frame> frame = co_await worker_->receive();
  if (!frame) co_return std::nullopt;
  if (frame->kind == schema::Kind::note) co_return read_note(*frame);
  std::optional<LaneAnswer> answer = read_answer(*frame);
  if (!answer) co_return std::nullopt;
  answer->bytes = frame->meta.size();
  last_ = expected_.front();
  expected_.pop_front();
  running_ = false;
  if (expected_.empty()) worker_->clear_deadline();
  co_return answer;
}

std::optional<LaneAnswer> Lane::read_answer(const schema::Frame& frame) {
  const LaneRequest& due = expected_.front();
  std::string problem;
  if (due.what == LaneRequest::What::branch && frame.id == due.id()) {
    if (auto answer = read_plain<schema::Branched>(frame, problem)) return answer;
  } else if ((due.what == LaneRequest::What::pack || due.what == LaneRequest::What::take) && frame.id == due.id() &&
             frame.kind == schema::Kind::moved) {
    if (auto answer = read_plain<schema::Moved>(frame, problem)) return answer;
  } else if (frame.id != due.id()) {
    problem = fmt::format("an answer to request {} where {} was due", frame.id, due.id());
  } else if (frame.kind == schema::Kind::raised) {
    auto raised = schema::unpack<schema::Raised>(frame, problem);
    if (raised && raised->preview) problem = preview_problem(*raised->preview, due);
    if (raised && problem.empty()) return LaneAnswer{due, std::move(*raised), 0};
  } else if (due.load() && frame.kind == schema::Kind::loaded) {
    if (auto loaded = read_loaded(frame)) return LaneAnswer{due, std::move(*loaded), 0};
  } else if (due.call() && frame.kind == schema::Kind::result) {
    if (auto result = read_result(frame, due)) return LaneAnswer{due, std::move(*result), 0};
  } else if (due.call() && frame.kind == schema::Kind::skipped) {
    return LaneAnswer{due, schema::Skipped{}, 0};
  } else {
    problem = "a frame that does not answer the request";
  }
  if (!problem.empty()) violate(std::move(problem));
  return std::nullopt;
}

template <class Message>
std::optional<LaneAnswer> Lane::read_plain(const schema::Frame& frame, std::string& problem) {
  constexpr bool kBranched = std::is_same_v<Message, schema::Branched>;
  if (frame.kind != (kBranched ? schema::Kind::branched : schema::Kind::moved)) {
    problem = "a frame that does not answer the request";
    return std::nullopt;
  }
  auto message = schema::unpack<Message>(frame, problem);
  if (!message) return std::nullopt;
  return LaneAnswer{expected_.front(), std::move(*message), 0};
}

std::optional<schema::Loaded> Lane::read_loaded(const schema::Frame& frame) {
  std::string problem;
  if (frame.meta.size() > kMostLoadedMeta) problem = "a description of more than 256 KiB";
  auto loaded = problem.empty() ? schema::unpack<schema::Loaded>(frame, problem) : std::nullopt;
  if (loaded) {
    const auto chosen = std::find_if(loaded->functions.begin(), loaded->functions.end(),
                                     [&](const auto& f) { return f.name == loaded->function; });
    if (chosen == loaded->functions.end()) problem = "a loaded module without its function";
    else if (chosen->parameters.size() > kMostParameters) problem = "a function of more than 1000 parameters";
  }
  if (problem.empty()) return loaded;
  violate(std::move(problem));
  return std::nullopt;
}

// The preview is kept as JSON, so it must be JSON; and it is small unless the worker lies.
std::string Lane::preview_problem(const std::string& preview, const LaneRequest& due) {
  if (preview.size() > std::size_t{due.preview_bytes} / 4 * 5 + kPreviewSlack) return "a preview larger than asked for";
  if (schema::count_elements(preview) > kMostElements) return "a preview of more elements than asked for";
  std::string wrong;
  schema::parse_json(preview, wrong, 80);
  return wrong.empty() ? "" : "a preview that is not JSON: " + wrong;
}

std::optional<schema::Result> Lane::read_result(const schema::Frame& frame, const LaneRequest& due) {
  std::string problem;
  auto result = schema::unpack<schema::Result>(frame, problem);
  if (result) problem = preview_problem(result->preview, due);
  if (result && problem.empty()) problem = live_problem(*result, due);
  if (!problem.empty()) {
    violate(std::move(problem));
    return std::nullopt;
  }
  if (result->files.size() > kMostFiles) result->files.resize(kMostFiles);
  return result;
}

// Which outputs carry a value is told by nodes with several outputs, and by no others.
std::string Lane::live_problem(const schema::Result& result, const LaneRequest& due) {
  if (!result.live) return due.outputs > 1 ? "an answer that does not say which outputs carry a value" : "";
  if (due.outputs < 2) return "outputs of a node that has one";
  std::int64_t last = -1;
  for (const std::int32_t output : *result.live) {
    if (output <= last || output >= static_cast<std::int64_t>(due.outputs))
      return "an output that the node does not have";
    last = output;
  }
  return result.live->empty() ? "an answer without an output" : "";
}

void Lane::reject(const LaneAnswer& answer, std::string why) {
  expected_.push_front(answer.to);
  running_ = true;
  violate(std::move(why));
}

void Lane::violate(std::string what) {
  if (violation_.empty()) violation_ = std::move(what);
}

workers::Captured Lane::take_output(const LaneRequest& request, bool standard_error) {
  workers::Captured part = worker_->take_output(request.id(), standard_error);
  if (is_utf8(part.text)) return part;
  // The cut at the limit may have split a character; anything else is bytes that are not text.
  const std::size_t whole = part.dropped > 0 ? whole_utf8(part.text) : part.text.size();
  part.dropped += part.text.size() - whole;
  part.text = to_utf8(std::string_view(part.text).substr(0, whole));
  return part;
}

Task<std::optional<FetchedFile>> Lane::fetch(std::size_t step, const flow::Step& node, std::uint32_t index,
                                             std::uint64_t most, Clock::time_point until) {
  fetching_.emplace();
  fetching_->step = step;
  fetching_->seconds = node.timeout;
  std::string request;
  const std::uint32_t id = kFirstFetch + index;
  schema::Fetch wanted;
  wanted.call = call_id(step);
  wanted.most = most;
  if (index == kWholeValue) wanted.whole = true;
  else if (index == kKeptValue) wanted.keep = true;
  else wanted.index = index;
  schema::pack(schema::Kind::fetch, id, wanted, request);
  worker_->post(std::move(request));
  worker_->set_deadline(until);
  FetchedFile file;
  for (bool last = false; !last && !file.too_large;) {
    const std::optional<schema::Frame> frame = co_await worker_->receive();
    if (!frame || !read_piece(*frame, id, most, file, last)) co_return std::nullopt;
  }
  worker_->clear_deadline();
  fetching_.reset();
  co_return file;
}

bool Lane::read_piece(const schema::Frame& frame, std::uint32_t id, std::uint64_t most, FetchedFile& file, bool& last) {
  std::string problem;
  const auto chunk = schema::unpack<schema::Chunk>(frame, problem);
  if (frame.kind != schema::Kind::chunk || frame.id != id || !chunk) problem = "a piece of a file was due";
  else if (frame.payload.empty() && !chunk->last) problem = "an empty piece of a file";
  if (!problem.empty()) {
    violate(std::move(problem));
    return false;
  }
  if (file.bytes.size() + frame.payload.size() > most) file.too_large = true;
  else file.bytes += frame.payload;
  if (chunk->error) file.problem = chunk->error;
  if (chunk->encoding) file.encoding = *chunk->encoding == "json" ? "json" : "pickle";
  last = chunk->last;
  return true;
}

}  // namespace qflow::engine
