package dev.holdfast.cache;

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdException;

/** Zstandard, by zstd-jni, where the application has it. */
final class ZstdCompression implements Compression {
    static final byte FORMAT = 2;
    private static final int LEVEL = 3;

    @Override
    public byte format() {
        return FORMAT;
    }

    @Override
    public byte[] compress(byte[] plain) {
        return Zstd.compress(plain, LEVEL);
    }

    @Override
    public byte[] decompress(byte[] compressed, int plainLength) {
        byte[] plain = new byte[plainLength];
        try {
            if (Zstd.decompress(plain, compressed) != plainLength) {
                throw new CacheCodecException(
                        "a value compressed by Zstandard is not of its " + plainLength + " bytes", null);
            }
            return plain;
        } catch (ZstdException e) {
            throw new CacheCodecException("a value compressed by Zstandard is damaged", e);
        }
    }
}
