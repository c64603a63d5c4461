package dev.holdfast.cache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class CompressedCodecTest {
    private static final List<Compression> BOTH = List.of(new DeflateCompression(), new ZstdCompression());

    @Test
    void valuesComeBackWhateverTheirLength() {
        Random random = new Random(6);
        for (Compression compression : BOTH) {
            Codec<byte[]> codec = new CompressedCodec<>(Codec.bytes(), 100, compression);
            for (int length : new int[] {0, 1, 100, 101, 5_000, 1_000_000}) {
                byte[] noise = new byte[length];
                random.nextBytes(noise);
                assertArrayEquals(noise, codec.decode(codec.encode(noise)));
                byte[] plain = new byte[length];
                Arrays.fill(plain, (byte) 'x');
                byte[] encoded = codec.encode(plain);
                assertArrayEquals(plain, codec.decode(encoded));
                byte[] within = new byte[encoded.length + 7];
                System.arraycopy(encoded, 0, within, 3, encoded.length);
                assertArrayEquals(plain, codec.decode(within, 3, encoded.length));
                assertEquals(length > 100, encoded.length < length, "length " + length);
            }
        }
    }

    @Test
    void whatDoesNotGetSmallerStaysAsItIs() {
        byte[] noise = new byte[10_000];
        new Random(7).nextBytes(noise);
        assertEquals(10_001, Codec.compressed(Codec.bytes(), 0).encode(noise).length);
    }

    @Test
    void eachReadsWhatTheOtherWrote() {
        String text = "the same words again and again, ".repeat(100);
        for (Compression compression : BOTH) {
            byte[] encoded = new CompressedCodec<>(Codec.string(), 0, compression).encode(text);
            assertEquals(compression.format(), encoded[0]);
            assertEquals(text, Codec.compressed(Codec.string(), 5).decode(encoded));
        }
    }

    @Test
    void damagedBytesAreACodecException() {
        Random random = new Random(8);
        for (Compression compression : BOTH) {
            Codec<byte[]> codec = new CompressedCodec<>(Codec.bytes(), 0, compression);
            byte[] good = codec.encode(new byte[10_000]);
            for (int i = 0; i < 2_000; i++) {
                byte[] bad = Arrays.copyOf(good, random.nextInt(good.length + 1));
                if (bad.length > 0) {
                    bad[random.nextInt(bad.length)] ^= (byte) (1 << random.nextInt(8));
                }
                try {
                    codec.decode(bad);
                } catch (CacheCodecException expected) {
                    assertTrue(expected.getMessage() != null);
                }
            }
        }
    }

    @Test
    void aBombIsNotUnpacked() {
        for (Compression compression : BOTH) {
            byte[] bomb = new CompressedCodec<>(Codec.bytes(), 0, compression).encode(new byte[50 << 20]);
            Codec<byte[]> codec = Codec.compressed(Codec.bytes(), 0);
            // It claims less than it holds: no more than that is unpacked.
            ByteBuffer.wrap(bomb).putInt(1, 1000);
            assertThrows(CacheCodecException.class, () -> codec.decode(bomb));
            ByteBuffer.wrap(bomb).putInt(1, Integer.MAX_VALUE);
            assertThrows(CacheCodecException.class, () -> codec.decode(bomb));
            ByteBuffer.wrap(bomb).putInt(1, -1);
            assertThrows(CacheCodecException.class, () -> codec.decode(bomb));
        }
    }

    @Test
    void aRawCodecIsNotCompressed() {
        assertThrows(IllegalArgumentException.class, () -> Codec.compressed(Codec.raw(Codec.string()), 10));
        assertTrue(Codec.raw(Codec.compressed(Codec.string(), 10)).isRaw());
        assertThrows(IllegalArgumentException.class, () -> Codec.compressed(Codec.string(), -1));
    }
}
