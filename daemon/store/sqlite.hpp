// SQLite with RAII: one Db for each thread, SQL from literals only, rows to described structs. Throws sqlite::Error.
#pragma once
#include <sqlite3.h>

#include <boost/describe.hpp>
#include <boost/mp11/algorithm.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace qflow::sqlite {

/// An extended result code and what was being done.
class Error : public std::runtime_error {
 public:
  Error(int code, const std::string& what) : std::runtime_error(what), code_(code) {}
  int code() const { return code_; }

 private:
  int code_;
};

/// Statement text. It must be a literal: text made at run time does not compile.
class Sql {
 public:
  template <std::size_t N>
  consteval Sql(const char (&text)[N]) : text_(text) {}  // NOLINT(google-explicit-constructor)
  const char* text() const { return text_; }

 private:
  const char* text_;
};

/// A connection: WAL, foreign keys, full synchronisation. One thread at a time.
class Db {
 public:
  /// Opens or makes the database; `read_only` never writes.
  Db(const std::string& path, bool read_only);

  /// Runs a whole script; for migrations and pragmas.
  void script(const std::string& sql);

  template <class... A>
  void exec(Sql sql, const A&... arguments) {
    const Bound statement = bound(sql, arguments...);
    while (step(statement.get())) {
    }
  }
  template <class T, class... A>
  std::optional<T> one(Sql sql, const A&... arguments) {
    const Bound statement = bound(sql, arguments...);
    if (!step(statement.get())) return std::nullopt;
    return row<T>(statement.get());
  }
  template <class T, class... A>
  std::vector<T> all(Sql sql, const A&... arguments) {
    const Bound statement = bound(sql, arguments...);
    std::vector<T> rows;
    while (step(statement.get())) rows.push_back(row<T>(statement.get()));
    return rows;
  }
  /// As all(), but `use(row)` may make each row smaller before the next is read.
  template <class T, class F, class... A>
  std::vector<T> all_after(F use, Sql sql, const A&... arguments) {
    const Bound statement = bound(sql, arguments...);
    std::vector<T> rows;
    while (step(statement.get())) use(rows.emplace_back(row<T>(statement.get())));
    return rows;
  }
  /// Calls `told(context, action, database, table, rowid)` for each row that a statement changes (sqlite3_update_hook).
  void on_row_change(void (*told)(void*, int, const char*, const char*, sqlite3_int64), void* context) {
    sqlite3_update_hook(db_.get(), told, context);
  }
  /// For SQLite's interfaces that have no wrapper here (backup).
  sqlite3* handle() { return db_.get(); }
  /// Rows changed by the last statement.
  std::int64_t changes() const { return sqlite3_changes64(db_.get()); }

 private:
  struct Close {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  };
  struct Finalize {
    void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }
  };
  struct Reset {
    void operator()(sqlite3_stmt* s) const {
      sqlite3_reset(s);
      sqlite3_clear_bindings(s);
    }
  };
  using Bound = std::unique_ptr<sqlite3_stmt, Reset>;

  [[noreturn]] void fail(const std::string& doing) const;
  sqlite3_stmt* prepared(Sql sql);
  bool step(sqlite3_stmt* statement) const;

  template <class... A>
  Bound bound(Sql sql, const A&... arguments) {
    Bound statement(prepared(sql));
    int index = 0;
    (bind(statement.get(), ++index, arguments), ...);
    return statement;
  }
  static void bind(sqlite3_stmt* s, int i, std::int64_t v) { sqlite3_bind_int64(s, i, v); }
  static void bind(sqlite3_stmt* s, int i, int v) { sqlite3_bind_int64(s, i, v); }
  static void bind(sqlite3_stmt* s, int i, bool v) { sqlite3_bind_int64(s, i, v ? 1 : 0); }
  static void bind(sqlite3_stmt* s, int i, double v) { sqlite3_bind_double(s, i, v); }
  static void bind(sqlite3_stmt* s, int i, std::string_view v) {
    sqlite3_bind_text64(s, i, v.empty() ? "" : v.data(), v.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  }
  static void bind(sqlite3_stmt* s, int i, const char* v) = delete;  // would convert to a bool
  static void bind(sqlite3_stmt* s, int i, const std::string& v) { bind(s, i, std::string_view(v)); }
  template <class T>
  static void bind(sqlite3_stmt* s, int i, const std::optional<T>& v) {
    if (v) bind(s, i, *v);
    else sqlite3_bind_null(s, i);
  }

  static void column(sqlite3_stmt* s, int i, std::int64_t& v) { v = sqlite3_column_int64(s, i); }
  static void column(sqlite3_stmt* s, int i, bool& v) { v = sqlite3_column_int(s, i) != 0; }
  static void column(sqlite3_stmt* s, int i, double& v) { v = sqlite3_column_double(s, i); }
  static void column(sqlite3_stmt* s, int i, std::string& v) {
    const void* text = sqlite3_column_blob(s, i);
    v.assign(text == nullptr ? "" : static_cast<const char*>(text),
             static_cast<std::size_t>(sqlite3_column_bytes(s, i)));
  }
  template <class T>
  static void column(sqlite3_stmt* s, int i, std::optional<T>& v) {
    if (sqlite3_column_type(s, i) == SQLITE_NULL) v.reset();
    else column(s, i, v.emplace());
  }
  // A struct's columns are read in member order, so its SELECT lists them in that order.
  template <class T>
  static T row(sqlite3_stmt* s) {
    T out{};
    if constexpr (boost::describe::has_describe_members<T>::value) {
      int i = 0;
      boost::mp11::mp_for_each<boost::describe::describe_members<T, boost::describe::mod_public>>(
          [&](auto member) { column(s, i++, out.*member.pointer); });
    } else {
      column(s, 0, out);
    }
    return out;
  }

  std::unique_ptr<sqlite3, Close> db_;
  std::unordered_map<const char*, std::unique_ptr<sqlite3_stmt, Finalize>> cache_;  // by the literal's address
};

/// Proof that a write transaction is open: functions that write take it.
class Tx {
 public:
  explicit Tx(Db& db) : db_(db) {}
  Db* operator->() const { return &db_; }

 private:
  Db& db_;
};

}  // namespace qflow::sqlite
