package dev.holdfast.cache;

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdCompressCtx;
import com.github.luben.zstd.ZstdException;
import com.github.luben.zstd.ZstdInputStreamNoFinalizer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;

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
        try (ZstdCompressCtx context = new ZstdCompressCtx()) {
            return context.setLevel(LEVEL).setChecksum(true).compress(plain);
        }
    }

    @Override
    public byte[] decompress(byte[] compressed, int plainLength) {
        byte[] plain = Compression.firstRoom(compressed, plainLength);
        try {
            if (plain.length < plainLength) {
                plain = inflated(compressed, plain, plainLength);
            } else if (Zstd.decompress(plain, compressed) != plainLength) {
                throw notOf(plainLength);
            }
            return plain;
        } catch (ZstdException | IOException e) {
            throw new CacheCodecException("a value compressed by Zstandard is damaged", e);
        }
    }

    private static byte[] inflated(byte[] compressed, byte[] room, int plainLength) throws IOException {
        byte[] plain = room;
        int length = 0;
        try (InputStream in = new ZstdInputStreamNoFinalizer(new ByteArrayInputStream(compressed))) {
            while (length < plainLength) {
                if (length == plain.length) {
                    plain = Compression.moreRoom(plain, plainLength);
                }
                int more = in.read(plain, length, plain.length - length);
                if (more < 0) {
                    throw notOf(plainLength);
                }
                length += more;
            }
            if (in.read() >= 0) {
                throw notOf(plainLength);
            }
        }
        return plain;
    }

    private static CacheCodecException notOf(int plainLength) {
        return new CacheCodecException("a value compressed by Zstandard is not of its " + plainLength + " bytes", null);
    }
}
