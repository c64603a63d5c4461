package dev.holdfast.cache.redis;

import java.nio.charset.StandardCharsets;
import java.time.Duration;

/** A {@link RedisStore} whose commands take bytes as they are. */
public abstract class BinaryStore extends RedisStore<byte[]> {
    /** Creates one, like {@link RedisStore}. */
    protected BinaryStore(RemoteAccess access, Duration bound, boolean view) {
        super(access, bound, view);
    }

    @Override
    protected final byte[] serverKey(String key) {
        return access().keyPrefix().encodeKey(key);
    }

    @Override
    protected final byte[] stored(byte[] value) {
        return value;
    }

    @Override
    protected final byte[] word(String ascii) {
        return ascii.getBytes(StandardCharsets.US_ASCII);
    }
}
