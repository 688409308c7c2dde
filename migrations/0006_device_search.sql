-- Devices are searched by the beginning of their serial number or of their name, in an instance or under a CA, in one state or
-- both: each is a range of one of these, read from where the page before has ended, so every page costs the same. Names without
-- regard to letter case, and only as far as a keyword reaches: an entry of an index must not be long.
CREATE INDEX device_certificate_search_sn ON device_certificate (mqtt_instance_id, active, sn COLLATE "C", id);
CREATE INDEX device_certificate_search_name ON device_certificate (mqtt_instance_id, active, (left(lower(name), 64)) COLLATE "C", id);
CREATE INDEX device_certificate_search_ca_sn ON device_certificate (ca_id, active, sn COLLATE "C", id);
CREATE INDEX device_certificate_search_ca_name ON device_certificate (ca_id, active, (left(lower(name), 64)) COLLATE "C", id);
