package dev.holdfast.cache;

/** A way to compress bytes. */
interface Compression {

    /** The byte that says so in front of a value. */
    byte format();

    byte[] compress(byte[] plain);

    /**
     * Decompresses to exactly {@code plainLength} bytes; never makes more, whatever the input claims.
     *
     * @throws CacheCodecException if the bytes are damaged or are of another length
     */
    byte[] decompress(byte[] compressed, int plainLength);

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
