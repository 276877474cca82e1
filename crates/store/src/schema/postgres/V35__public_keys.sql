-- Of a secret that is a private key: the public one, `whpk_…`.
ALTER TABLE endpoint_secrets ADD COLUMN public_key TEXT;
