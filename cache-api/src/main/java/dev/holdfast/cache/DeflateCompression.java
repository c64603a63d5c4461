package dev.holdfast.cache;

import java.io.ByteArrayOutputStream;
import java.util.zip.DataFormatException;
import java.util.zip.Deflater;
import java.util.zip.Inflater;

/** The JDK's, for speed rather than size. */
final class DeflateCompression implements Compression {
    static final byte FORMAT = 1;
    private static final int BUFFER_BYTES = 8192;

    @Override
    public byte format() {
        return FORMAT;
    }

    @Override
    public byte[] compress(byte[] plain) {
        Deflater deflater = new Deflater(Deflater.BEST_SPEED);
        try {
            deflater.setInput(plain);
            deflater.finish();
            ByteArrayOutputStream out = new ByteArrayOutputStream(plain.length / 2 + 16);
            byte[] buffer = new byte[BUFFER_BYTES];
            while (!deflater.finished()) {
                out.write(buffer, 0, deflater.deflate(buffer));
            }
            return out.toByteArray();
        } finally {
            deflater.end();
        }
    }

    @Override
    public byte[] decompress(byte[] compressed, int plainLength) {
        Inflater inflater = new Inflater();
        try {
            inflater.setInput(compressed);
            byte[] plain = Compression.firstRoom(compressed, plainLength);
            int length = 0;
            while (length < plainLength) {
                if (length == plain.length) {
                    plain = Compression.moreRoom(plain, plainLength);
                }
                int more = inflater.inflate(plain, length, plain.length - length);
                if (more == 0) {
                    break;
                }
                length += more;
            }
            // The checksum stands behind the last byte, and nothing stands behind it.
            if (length < plainLength
                    || inflater.inflate(new byte[1]) > 0
                    || !inflater.finished()
                    || inflater.getRemaining() > 0) {
                throw new CacheCodecException("a deflated value is not of its " + plainLength + " bytes", null);
            }
            return plain;
        } catch (DataFormatException e) {
            throw new CacheCodecException("a deflated value is damaged", e);
        } finally {
            inflater.end();
        }
    }
}
