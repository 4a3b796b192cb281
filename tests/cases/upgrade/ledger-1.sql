-- Format 1 of the ledger, as the first commit that had one (4e250da) wrote it: rings, a run that succeeded, one that
-- failed, a held key, a host noted while Locked, and a run that its daemon left running. `iterdump` of Python's sqlite3.
BEGIN TRANSACTION;
CREATE TABLE events (
            run INTEGER NOT NULL, seq INTEGER NOT NULL, data TEXT NOT NULL, PRIMARY KEY (run, seq));
INSERT INTO "events" VALUES(1,1,'{"event": {"kind": "start"}}');
INSERT INTO "events" VALUES(1,2,'{"stats": {"ok": 1}}');
CREATE TABLE hosts (
            name TEXT PRIMARY KEY, environment TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'idle',
            wanted_revision TEXT NOT NULL DEFAULT '', wanted_instance TEXT NOT NULL DEFAULT '',
            attempted_revision TEXT NOT NULL DEFAULT '', attempted_instance TEXT NOT NULL DEFAULT '',
            applied_revision TEXT NOT NULL DEFAULT '', applied_instance TEXT NOT NULL DEFAULT '',
            due DOUBLE PRECISION, attempt INTEGER NOT NULL DEFAULT 0, owner TEXT NOT NULL DEFAULT '',
            host_keys TEXT NOT NULL DEFAULT '[]', held_keys TEXT NOT NULL DEFAULT '[]',
            held_by TEXT NOT NULL DEFAULT '', problem TEXT NOT NULL DEFAULT '');
INSERT INTO "hosts" VALUES('lab-proxy','lab','idle','r1','i1','r1','i1','r1','i1',NULL,0,'','["ssh-ed25519 AAAA"]','[]','','');
INSERT INTO "hosts" VALUES('lab-coder','lab','failed','r1','i2','r1','i1','','',NULL,1,'','["ssh-ed25519 AAAA"]','["ssh-ed25519 BBBB"]','sean','no route');
INSERT INTO "hosts" VALUES('lab-media','lab','idle','','i1','','','','',NULL,0,'','["ssh-ed25519 AAAA"]','[]','','');
INSERT INTO "hosts" VALUES('lab-git','lab','running','r2','i1','r2','i1','','',NULL,1,'an older daemon','["ssh-ed25519 AAAA"]','[]','','');
CREATE TABLE rings (
            id TEXT PRIMARY KEY, digest TEXT NOT NULL, host TEXT NOT NULL, run INTEGER, received DOUBLE PRECISION);
INSERT INTO "rings" VALUES('msg_0000000000000001','digest-1','lab-proxy',1,1.79566915650958275796e+09);
INSERT INTO "rings" VALUES('msg_0000000000000002','digest-2','lab-coder',2,1.79566915652430796621e+09);
INSERT INTO "rings" VALUES('msg_0000000000000003','digest-3','lab-coder',NULL,1.79566915653548622136e+09);
INSERT INTO "rings" VALUES('msg_0000000000000005','digest-5','lab-git',3,1.79566915654027628901e+09);
CREATE TABLE runs (
            id INTEGER PRIMARY KEY AUTOINCREMENT, host TEXT NOT NULL, environment TEXT NOT NULL, status TEXT NOT NULL,
            revision TEXT NOT NULL DEFAULT '', instance TEXT NOT NULL DEFAULT '', rung_by TEXT NOT NULL DEFAULT '',
            attempt INTEGER NOT NULL DEFAULT 0, created DOUBLE PRECISION NOT NULL, started DOUBLE PRECISION,
            ended DOUBLE PRECISION, owner TEXT NOT NULL DEFAULT '', canceled_by TEXT NOT NULL DEFAULT '',
            problem TEXT NOT NULL DEFAULT '');
INSERT INTO "runs" VALUES(1,'lab-proxy','lab','successful','r1','i1','sean',1,1.79566915650958275796e+09,1.79566915651347684861e+09,1.7956691565214133263e+09,'an older daemon','','');
INSERT INTO "runs" VALUES(2,'lab-coder','lab','failed','r1','i1','sean',1,1.79566915652430796621e+09,1.79566915652853155132e+09,1.79566915653160214427e+09,'an older daemon','','no route');
INSERT INTO "runs" VALUES(3,'lab-git','lab','running','r2','i1','sean',1,1.79566915654027628901e+09,1.79566915654442715646e+09,NULL,'an older daemon','','');
CREATE INDEX rings_received ON rings (received);
CREATE UNIQUE INDEX runs_open ON runs (host, status) WHERE status IN ('queued', 'running');
CREATE INDEX runs_host ON runs (host, id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('runs',3);
COMMIT;
PRAGMA user_version = 1;
