package dev.holdfast.cache;

import java.util.Objects;

/** A codec whose bytes stand in the store alone. */
record RawCodec<V>(Codec<V> codec) implements Codec<V> {
    RawCodec {
        Objects.requireNonNull(codec, "codec");
    }

    @Override
    public byte[] encode(V value) {
        return codec.encode(value);
    }

    @Override
    public V decode(byte[] bytes) {
        return codec.decode(bytes);
    }

    @Override
    public V decode(byte[] bytes, int offset, int length) {
        return codec.decode(bytes, offset, length);
    }

    @Override
    public boolean isRaw() {
        return true;
    }
}
