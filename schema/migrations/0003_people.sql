-- Who uses it and how they prove it; who changed what; what the installation was told to be.

CREATE TABLE users (
  id            TEXT PRIMARY KEY,
  email         TEXT NOT NULL UNIQUE COLLATE NOCASE,
  first_name    TEXT NOT NULL DEFAULT '',
  last_name     TEXT NOT NULL DEFAULT '',
  password_hash TEXT NOT NULL,                       -- Argon2id, with its own salt and cost
  role          TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'user')),
  is_active     INTEGER NOT NULL DEFAULT 1,
  settings      TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(settings)),
  created_at    INTEGER NOT NULL,
  updated_at    INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX one_owner ON users (role) WHERE role = 'owner';

CREATE TABLE user_sessions (
  id            TEXT PRIMARY KEY,                    -- named in the session's JWT
  user_id       TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  session_token TEXT NOT NULL UNIQUE,                -- BLAKE2b of the cookie
  expires_at    INTEGER NOT NULL,
  created_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_by_user ON user_sessions (user_id);
CREATE INDEX sessions_by_expiry ON user_sessions (expires_at);

CREATE TABLE api_keys (
  id           TEXT PRIMARY KEY,
  user_id      TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  name         TEXT NOT NULL,
  key_hash     TEXT NOT NULL UNIQUE,                 -- BLAKE2b of the key
  prefix       TEXT NOT NULL,                        -- its first characters, to tell keys apart
  scopes       TEXT NOT NULL CHECK (json_valid(scopes)),
  expires_at   INTEGER,
  last_used_at INTEGER,
  created_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX api_keys_by_user ON api_keys (user_id);

CREATE TABLE audit_log (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  at      INTEGER NOT NULL,
  actor   TEXT NOT NULL,                             -- an e-mail address, or 'command line'
  action  TEXT NOT NULL,                             -- user.created, session.refused, credential.deleted, ...
  target  TEXT NOT NULL DEFAULT '',
  peer    TEXT NOT NULL DEFAULT '',
  details TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(details))
) STRICT;

CREATE INDEX audit_by_time ON audit_log (at);

CREATE TABLE settings (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL CHECK (json_valid(value))
) STRICT;
