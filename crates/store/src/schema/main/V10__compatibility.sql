-- Which liberties a directory's provider may take with SCIM: a mode and the rules that deviate from it.
ALTER TABLE directories ADD COLUMN compatibility TEXT NOT NULL DEFAULT '{}';
