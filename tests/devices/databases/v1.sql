BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE api_keys (
	id VARCHAR(16) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	scopes JSON NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	created_at DATETIME NOT NULL, 
	revoked_at DATETIME, 
	CONSTRAINT pk_api_keys PRIMARY KEY (id), 
	CONSTRAINT uq_api_keys_hash UNIQUE (hash)
);
INSERT INTO "api_keys" VALUES('0123456789ab','dashboard','["read"]','45a9600b530c4566c32e5278ebe68ade15bf76e8e48028480574f2a77d91768f','2026-11-24 08:19:11.591847',NULL);
CREATE TABLE areas (
	code VARCHAR(64) NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	geometry JSON NOT NULL, 
	CONSTRAINT pk_areas PRIMARY KEY (code)
);
INSERT INTO "areas" VALUES('n','North','[[[[98.0,3.0],[99.0,3.0],[99.0,4.0],[98.0,4.0],[98.0,3.0]]]]');
CREATE TABLE audit (
	id INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	who VARCHAR(200) NOT NULL, 
	what VARCHAR(32) NOT NULL, 
	subject VARCHAR(64) NOT NULL, 
	"before" JSON, 
	"after" JSON, 
	revision BIGINT NOT NULL, 
	CONSTRAINT pk_audit PRIMARY KEY (id)
);
INSERT INTO "audit" VALUES(1,'2026-11-24 08:19:11.549709','system','areas.set','areas','{}','{"n":"North"}',1);
INSERT INTO "audit" VALUES(2,'2026-11-24 08:19:11.555904','ani','device.add','air-01',NULL,'{"address":null,"area":"n","attributes":{"road":"Jl. Kapten Maulana Lubis"},"id":"air-01","installed_at":"2026-03-01T02:00:00+00:00","installed_by":"Dinas Kominfo","kind":"air","latitude":3.59,"longitude":98.67,"model":null,"name":"Balai Kota","status":"active"}',2);
INSERT INTO "audit" VALUES(3,'2026-11-24 08:19:11.555904','ani','device.add','flood-01',NULL,'{"address":"24e124713b000001","area":"n","attributes":{"mount_height_m":"6.2"},"id":"flood-01","installed_at":null,"installed_by":"","kind":"flood","latitude":3.5,"longitude":98.5,"model":"milesight-em500-udl","name":"","status":"active"}',2);
INSERT INTO "audit" VALUES(4,'2026-11-24 08:19:11.584829','budi','device.retire','air-01','{"address":null,"area":"n","attributes":{"road":"Jl. Kapten Maulana Lubis"},"id":"air-01","installed_at":"2026-03-01T02:00:00+00:00","installed_by":"Dinas Kominfo","kind":"air","latitude":3.59,"longitude":98.67,"model":null,"name":"Balai Kota","status":"active"}','{"address":null,"area":"n","attributes":{"road":"Jl. Kapten Maulana Lubis"},"id":"air-01","installed_at":"2026-03-01T02:00:00+00:00","installed_by":"Dinas Kominfo","kind":"air","latitude":3.59,"longitude":98.67,"model":null,"name":"Balai Kota","status":"retired"}',3);
INSERT INTO "audit" VALUES(5,'2026-11-24 08:19:11.592545','ani','key.create','0123456789ab',NULL,'{"name":"dashboard","scopes":["read"]}',4);
CREATE TABLE devices (
	id VARCHAR(64) NOT NULL, 
	kind VARCHAR(32) NOT NULL, 
	model VARCHAR(200), 
	name VARCHAR(200) NOT NULL, 
	latitude FLOAT, 
	longitude FLOAT, 
	area VARCHAR(64), 
	status VARCHAR(16) NOT NULL, 
	address VARCHAR(200), 
	attributes JSON NOT NULL, 
	installed_by VARCHAR(200) NOT NULL, 
	installed_at DATETIME, 
	revision BIGINT NOT NULL, 
	CONSTRAINT pk_devices PRIMARY KEY (id), 
	CONSTRAINT fk_devices_area FOREIGN KEY(area) REFERENCES areas (code), 
	CONSTRAINT uq_devices_address UNIQUE (address), 
	CONSTRAINT ck_devices_status CHECK (status IN ('active', 'maintenance', 'retired'))
);
INSERT INTO "devices" VALUES('air-01','air',NULL,'Balai Kota',3.59,98.67,'n','retired',NULL,'{"road":"Jl. Kapten Maulana Lubis"}','Dinas Kominfo','2026-03-01 02:00:00.000000',3);
INSERT INTO "devices" VALUES('flood-01','flood','milesight-em500-udl','',3.5,98.5,'n','active','24e124713b000001','{"mount_height_m":"6.2"}','',NULL,2);
CREATE TABLE revision (
	id INTEGER NOT NULL, 
	number BIGINT NOT NULL, 
	CONSTRAINT pk_revision PRIMARY KEY (id), 
	CONSTRAINT ck_revision_single CHECK (id = 1)
);
INSERT INTO "revision" VALUES(1,4);
CREATE INDEX ix_devices_revision ON devices (revision);
CREATE INDEX ix_audit_subject ON audit (subject, id);
COMMIT;
