package dev.holdfast.cache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.github.luben.zstd.Zstd;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Assumptions;
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

    /** The first byte says how the rest is stored, and is not covered: a value may be of any bytes. */
    @Test
    void damageBehindTheFirstByteIsACodecExceptionNeverAnotherValue() {
        Random random = new Random(8);
        byte[] value = "some text that compresses well, but not to nothing; 0123456789, "
                .repeat(40)
                .getBytes(StandardCharsets.US_ASCII);
        for (int i = 0; i < value.length; i += 7) {
            value[i] = (byte) random.nextInt();
        }
        for (Compression compression : BOTH) {
            Codec<byte[]> codec = new CompressedCodec<>(Codec.bytes(), 0, compression);
            byte[] good = codec.encode(value);
            for (int i = 0; i < 4_000; i++) {
                byte[] bad = damaged(good, random);
                try {
                    // What hits a part without meaning is no damage.
                    assertArrayEquals(
                            value,
                            codec.decode(bad),
                            () -> compression + ": " + HexFormat.of().formatHex(bad));
                } catch (CacheCodecException expected) {
                    assertTrue(expected.getMessage() != null);
                }
            }
        }
    }

    private static byte[] damaged(byte[] good, Random random) {
        byte[] bad = good.clone();
        switch (random.nextInt(4)) {
            case 0 -> bad = Arrays.copyOf(good, 1 + random.nextInt(good.length - 1));
            case 1 -> bad = Arrays.copyOf(good, good.length + 1 + random.nextInt(9));
            case 2 -> bad[1 + random.nextInt(good.length - 1)] = (byte) random.nextInt();
            default -> bad[1 + random.nextInt(good.length - 1)] ^= (byte) (1 << random.nextInt(8));
        }
        return bad;
    }

    @Test
    void whatAnEntryClaimsIsNotBelieved() {
        // Six bytes that claim what a value may be at most.
        for (byte format = 1; format <= 2; format++) {
            byte[] claim = {format, 4, 0, 0, 0, 0};
            CacheCodecException e = assertThrows(CacheCodecException.class, () -> Codec.compressed(Codec.bytes(), 0)
                    .decode(claim));
            assertTrue(e.getMessage().contains("of 1 bytes claims 67108864"), e.getMessage());
        }
    }

    @Test
    void roomIsMadeAsBytesComeOut() {
        int most = CompressedCodec.MAX_BYTES;
        assertEquals(4_096, Compression.firstRoom(new byte[1], most).length);
        assertEquals(16 * 70_000, Compression.firstRoom(new byte[70_000], most).length);
        assertEquals(100, Compression.firstRoom(new byte[70_000], 100).length);
        assertEquals(8_192, Compression.moreRoom(new byte[4_096], most).length);
        assertEquals(5_000, Compression.moreRoom(new byte[4_096], 5_000).length);
        for (Compression compression : BOTH) {
            byte[] few = Arrays.copyOf(compression.compress(new byte[100_000]), 70_000);
            assertThrows(CacheCodecException.class, () -> compression.decompress(few, most));
        }
    }

    @Test
    void whatIsCompressedBeyondWhatIsPlausibleIsStoredInAFormThatIsNot() {
        byte[] nothing = new byte[8 << 20];
        for (Compression compression : BOTH) {
            byte[] encoded = new CompressedCodec<>(Codec.bytes(), 0, compression).encode(nothing);
            assertTrue((long) encoded.length * CompressedCodec.MOST_RATIO >= nothing.length);
            assertTrue(encoded.length < 100_000, () -> encoded.length + " bytes");
            assertArrayEquals(nothing, Codec.compressed(Codec.bytes(), 0).decode(encoded));
        }
    }

    @Test
    void zstandardIsWrittenWithAChecksumAndReadWithout() {
        String text = "the same words again and again, ".repeat(100);
        byte[] plain = text.getBytes(StandardCharsets.US_ASCII);
        byte[] without = Zstd.compress(plain, 3);
        assertEquals(without.length + 4, new ZstdCompression().compress(plain).length);
        byte[] entry = ByteBuffer.allocate(5 + without.length)
                .put((byte) 2)
                .putInt(plain.length)
                .put(without)
                .array();
        assertEquals(text, Codec.compressed(Codec.string(), 0).decode(entry));
    }

    /** Of a process on Linux. */
    private static long residentBytes() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmRSS:")) {
                return Long.parseLong(line.replaceAll("\\D+", "")) << 10;
            }
        }
        throw new AssertionError("no VmRSS");
    }

    @Test
    void nativeMemoryIsGivenBackWithoutWaitingForTheCollector() throws IOException {
        Assumptions.assumeTrue(Files.exists(Path.of("/proc/self/status")));
        byte[] value = "0123456789".repeat(20).getBytes(StandardCharsets.US_ASCII);
        for (Compression compression : BOTH) {
            long before = 0;
            for (int i = 0; i < 2_000; i++) {
                if (i == 200) {
                    before = residentBytes();
                }
                assertArrayEquals(value, compression.decompress(compression.compress(value), value.length));
            }
            long grown = residentBytes() - before;
            // A deflater takes 260 KB, an inflater 40.
            assertTrue(grown < 50 << 20, () -> compression + " keeps " + grown + " bytes of native memory");
        }
    }

    @Test
    void codecsThatMakeTheSameBytesAreEqual() {
        Codec<String> codec = Codec.compressed(Codec.string(), 1_000);
        assertEquals(codec, Codec.compressed(Codec.string(), 1_000));
        assertEquals(codec.hashCode(), Codec.compressed(Codec.string(), 1_000).hashCode());
        assertEquals(Codec.raw(codec), Codec.raw(Codec.compressed(Codec.string(), 1_000)));
        assertNotEquals(codec, Codec.compressed(Codec.string(), 1_001));
        assertNotEquals(codec, Codec.compressed(Codec.longs(), 1_000));
        assertNotEquals(codec, Codec.string());
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
