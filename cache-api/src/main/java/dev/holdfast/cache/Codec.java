package dev.holdfast.cache;

import java.util.Arrays;

/**
 * Turns values into bytes and back. Must be safe for any number of threads, and decode what earlier releases of the
 * application encoded.
 *
 * @param <V> the type of the values
 */
public interface Codec<V> {

    /**
     * Encodes a value.
     *
     * @param value the value, never {@code null}
     * @return its bytes; the caller's to keep
     * @throws CacheCodecException if the value has no encoding
     */
    byte[] encode(V value);

    /**
     * Decodes a value.
     *
     * @param bytes what {@link #encode} made; not kept, not changed
     * @return the value, never {@code null}
     * @throws CacheCodecException if the bytes are not such a value
     */
    V decode(byte[] bytes);

    /**
     * Decodes a value that stands within a larger array. By default copies it out first; codecs that can read it where it
     * stands should override this.
     *
     * @param bytes holds what {@link #encode} made; not kept, not changed
     * @param offset where it begins
     * @param length how long it is
     * @return the value, never {@code null}
     * @throws CacheCodecException if the bytes are not such a value
     */
    default V decode(byte[] bytes, int offset, int length) {
        return decode(Arrays.copyOfRange(bytes, offset, offset + length));
    }

    /**
     * Says whether the store holds this codec's bytes alone, without an envelope. See {@link #raw(Codec)}.
     *
     * @return whether it does; by default not
     */
    default boolean isRaw() {
        return false;
    }

    /** Texts in UTF-8; an unpaired surrogate is refused. */
    static Codec<String> string() {
        return StandardCodecs.STRING;
    }

    /** Byte strings as they are, copied. */
    static Codec<byte[]> bytes() {
        return StandardCodecs.BYTES;
    }

    /** Integers as decimal digits. */
    static Codec<Integer> integers() {
        return StandardCodecs.INTEGER;
    }

    /** Integers as decimal digits: what {@code increment} reads too. */
    static Codec<Long> longs() {
        return StandardCodecs.LONG;
    }

    /** Floating-point numbers as {@link Double#toString(double)} writes them. */
    static Codec<Double> doubles() {
        return StandardCodecs.DOUBLE;
    }

    /** {@code true} and {@code false}. */
    static Codec<Boolean> booleans() {
        return StandardCodecs.BOOLEAN;
    }

    /**
     * Makes a codec whose bytes stand in the store alone, without an envelope, for keys shared with programs that do not
     * know it. Staleness and tags need the envelope, so a cache with such a codec refuses them.
     *
     * @param codec what encodes the values
     * @param <V> the type of the values
     * @return the same, raw
     */
    static <V> Codec<V> raw(Codec<V> codec) {
        return new RawCodec<>(codec);
    }

    /**
     * Makes a codec that compresses values whose bytes are more than a threshold, where that makes them smaller: by
     * Zstandard if {@code com.github.luben:zstd-jni} is there, else by the JDK's deflater. Each entry says how it is stored, so the
     * threshold may change and processes with and without the library may share a store; one without it counts entries
     * compressed by it as unreadable.
     *
     * @param codec what encodes the values; not raw (raw may stand around this one)
     * @param thresholdBytes from 0; a good one is about a thousand
     * @param <V> the type of the values
     * @return the codec
     */
    static <V> Codec<V> compressed(Codec<V> codec, int thresholdBytes) {
        return new CompressedCodec<>(codec, thresholdBytes, Compression.best());
    }
}
