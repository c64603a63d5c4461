package dev.holdfast.cache;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Objects;

/**
 * A codec that compresses what is long enough for it to pay. Its first byte says how the rest is stored: 0 as it is, 1
 * deflated, 2 by Zstandard; compressed, the length that it had follows in four bytes. Both kinds end with a checksum, so that
 * damage behind the first byte is noticed.
 *
 * <p>What an entry claims is not believed: no value is longer than {@link #MAX_BYTES}, nor than {@link #MOST_RATIO} times its
 * compressed bytes, which is as much as deflating can do; and room is made only as bytes come out.
 */
final class CompressedCodec<V> implements Codec<V> {
    /** What a value may grow to: an entry that claims more is not one of ours. */
    static final int MAX_BYTES = 64 << 20;

    /** How many times longer than its compressed form a value may be. */
    static final int MOST_RATIO = 1_032;

    private static final byte PLAIN = 0;
    private static final int HEADER = 1 + Integer.BYTES;

    private final Codec<V> codec;
    private final int thresholdBytes;
    private final Compression compression;

    CompressedCodec(Codec<V> codec, int thresholdBytes, Compression compression) {
        this.codec = Objects.requireNonNull(codec, "codec");
        if (codec.isRaw()) {
            throw new IllegalArgumentException(
                    "a raw codec's bytes are shared with others, who would not understand them"
                            + " compressed: put raw around compressed if they do");
        }
        if (thresholdBytes < 0) {
            throw new IllegalArgumentException("thresholdBytes must not be negative: " + thresholdBytes);
        }
        this.thresholdBytes = thresholdBytes;
        this.compression = compression;
    }

    @Override
    public byte[] encode(V value) {
        byte[] plain = codec.encode(value);
        if (plain.length > thresholdBytes && plain.length <= MAX_BYTES) {
            byte[] out = compressed(plain, compression);
            if (!isPlausible(plain.length, out.length - HEADER)) {
                out = compressed(plain, new DeflateCompression());
            }
            if (out.length <= plain.length) {
                return out;
            }
        }
        byte[] out = new byte[1 + plain.length];
        out[0] = PLAIN;
        System.arraycopy(plain, 0, out, 1, plain.length);
        return out;
    }

    private static byte[] compressed(byte[] plain, Compression compression) {
        byte[] compressed = compression.compress(plain);
        byte[] out = new byte[HEADER + compressed.length];
        ByteBuffer.wrap(out).put(compression.format()).putInt(plain.length).put(compressed);
        return out;
    }

    private static boolean isPlausible(int plainLength, int compressedLength) {
        return plainLength >= 0
                && plainLength <= MAX_BYTES
                && plainLength <= (long) MOST_RATIO * Math.max(compressedLength, 0);
    }

    @Override
    public V decode(byte[] bytes) {
        return decode(bytes, 0, bytes.length);
    }

    @Override
    public V decode(byte[] bytes, int offset, int length) {
        if (length < 1) {
            throw new CacheCodecException("no compressed value: empty", null);
        }
        if (bytes[offset] == PLAIN) {
            return codec.decode(bytes, offset + 1, length - 1);
        }
        if (length < HEADER) {
            throw new CacheCodecException("a compressed value is cut off: " + length + " bytes", null);
        }
        int plainLength = ByteBuffer.wrap(bytes, offset + 1, Integer.BYTES).getInt();
        if (!isPlausible(plainLength, length - HEADER)) {
            throw new CacheCodecException(
                    "a compressed value of " + (length - HEADER) + " bytes claims " + plainLength + " bytes", null);
        }
        byte[] compressed = Arrays.copyOfRange(bytes, offset + HEADER, offset + length);
        return codec.decode(Compression.of(bytes[offset]).decompress(compressed, plainLength));
    }

    @Override
    public String toString() {
        return "Codec.compressed(" + codec + ", " + thresholdBytes + ')';
    }

    /** Whether the other makes the same bytes: asked for the same cache again, that is the same codec. */
    @Override
    public boolean equals(Object other) {
        return other instanceof CompressedCodec<?> that
                && codec.equals(that.codec)
                && thresholdBytes == that.thresholdBytes
                && compression.format() == that.compression.format();
    }

    @Override
    public int hashCode() {
        return 31 * codec.hashCode() + thresholdBytes;
    }
}
