package dev.holdfast.cache;

import java.util.Arrays;

/** A way to compress bytes. */
interface Compression {

    /** The byte that says so in front of a value. */
    byte format();

    byte[] compress(byte[] plain);

    /**
     * Decompresses to exactly {@code plainLength} bytes; never makes more, whatever the input claims, and makes room for more than
     * a few times the input only as bytes come out.
     *
     * @throws CacheCodecException if the bytes are damaged or are of another length
     */
    byte[] decompress(byte[] compressed, int plainLength);

    /** The room to begin with: enough for what compresses as values usually do. */
    static byte[] firstRoom(byte[] compressed, int plainLength) {
        return new byte[(int) Math.min(plainLength, Math.max(4_096L, 16L * compressed.length))];
    }

    /** More room, at least one byte if there are any left. */
    static byte[] moreRoom(byte[] plain, int plainLength) {
        return Arrays.copyOf(plain, (int) Math.min(plainLength, 2L * plain.length));
    }

    /** Zstandard if its library is there, else what the JDK has. */
    static Compression best() {
        return ZstdPresence.PRESENT ? new ZstdCompression() : new DeflateCompression();
    }

    static Compression of(byte format) {
        if (format == DeflateCompression.FORMAT) {
            return new DeflateCompression();
        }
        if (format == ZstdCompression.FORMAT) {
            if (ZstdPresence.PRESENT) {
                return new ZstdCompression();
            }
            throw new CacheCodecException(
                    "a value was compressed by Zstandard, but com.github.luben:zstd-jni is not on the class path",
                    null);
        }
        throw new CacheCodecException("a value is compressed in an unknown way: " + format, null);
    }
}
