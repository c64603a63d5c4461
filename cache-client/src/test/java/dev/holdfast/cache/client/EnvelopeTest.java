package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Codec;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Entries of every released version are read as long as there is a release that may have written them. */
class EnvelopeTest {
    private static final Lifetime LIFETIME = new Lifetime(1_767_225_600_000L, 1_767_225_900_000L, 1_767_229_500_000L);
    private static final Lifetime FOREVER = new Lifetime(LIFETIME.created(), Long.MAX_VALUE, Long.MAX_VALUE);
    private static final String KEY = "users:42";
    private static final long HASH = KeyHash.under("users:").of(KEY);
    private static final long OTHER = KeyHash.under("users:").of("users:43");
    private static final byte[] PAYLOAD = "value ü".getBytes(StandardCharsets.UTF_8);
    private static final byte[] ETAG = "\"v1\"".getBytes(StandardCharsets.UTF_8);

    private final Entries<String> entries =
            new Entries<>("users:", Codec.string(), InstantSource.fixed(Instant.ofEpochMilli(LIFETIME.created())));

    @Test
    void entriesAreWrittenAsTheGoldenFilesAre() throws IOException {
        assertArrayEquals(golden("envelope-1.1-plain"), Envelope.of(HASH, LIFETIME, null, Map.of(), PAYLOAD));
        assertArrayEquals(golden("envelope-1.1-etag"), Envelope.of(HASH, LIFETIME, ETAG, Map.of(), PAYLOAD));
        assertArrayEquals(golden("envelope-1.1-absence"), Envelope.ofAbsence(HASH, LIFETIME, Map.of()));
        assertArrayEquals(golden("envelope-1.1-forever"), Envelope.of(HASH, FOREVER, null, Map.of(), PAYLOAD));
    }

    @Test
    void entriesAreReadFromTheGoldenFilesUnderTheirOwnKeyOnly() throws IOException {
        for (String name : List.of("plain", "etag", "absence", "forever", "key-and-tags")) {
            byte[] entry = golden("envelope-1.1-" + name);
            assertNull(Envelope.problem(entry), name);
            assertTrue(Envelope.isOf(HASH, entry), name);
            assertFalse(Envelope.isOf(OTHER, entry), name);
            assertEquals(Entries.State.UNREADABLE, entries.state("users:43", entry, LIFETIME.created()), name);
            assertTrue(entries.isMisplaced("users:43", entry), name);
            if (!name.equals("absence")) {
                assertEquals(Entries.State.FRESH, entries.state(KEY, entry, LIFETIME.created()), name);
                assertEquals("value ü", entries.decode(entry), name);
            }
        }
        assertEquals(Optional.of("\"v1\""), Envelope.etag(golden("envelope-1.1-etag")));
        assertTrue(Envelope.isAbsence(golden("envelope-1.1-absence")));
    }

    @Test
    void inARollingUpdateEachReleaseReadsWhatTheOtherWrote() {
        List<byte[]> written = List.of(
                Envelope.of(HASH, LIFETIME, null, Map.of(), PAYLOAD),
                Envelope.of(HASH, LIFETIME, ETAG, Map.of(), PAYLOAD),
                Envelope.of(HASH, FOREVER, null, Map.of(), PAYLOAD),
                Envelope.ofAbsence(HASH, LIFETIME, Map.of()),
                Envelope.markedStale(Envelope.of(HASH, LIFETIME, ETAG, Map.of(), PAYLOAD), LIFETIME.created() + 1));
        for (byte[] entry : written) {
            assertNull(EnvelopeOfVersionOne.problem(entry));
            assertEquals(Envelope.isAbsence(entry), EnvelopeOfVersionOne.isAbsence(entry));
            assertEquals(Envelope.etag(entry), EnvelopeOfVersionOne.etag(entry));
            assertEquals(Envelope.payloadOffset(entry), EnvelopeOfVersionOne.payloadOffset(entry));
            assertEquals(Envelope.freshUntil(entry), EnvelopeOfVersionOne.freshUntil(entry));
            // What the older release marks stale still says which key it belongs to.
            assertFalse(Envelope.isOf(OTHER, EnvelopeOfVersionOne.markedStale(entry, LIFETIME.created())));
        }
        for (byte[] old : List.of(
                EnvelopeOfVersionOne.of(LIFETIME, null, PAYLOAD),
                EnvelopeOfVersionOne.of(LIFETIME, ETAG, PAYLOAD),
                EnvelopeOfVersionOne.ofAbsence(LIFETIME))) {
            assertNull(Envelope.problem(old));
            assertTrue(Envelope.isOf(HASH, old));
            assertFalse(entries.isMisplaced(KEY, old));
            assertEquals(EnvelopeOfVersionOne.etag(old), Envelope.etag(old));
            assertEquals(EnvelopeOfVersionOne.payloadOffset(old), Envelope.payloadOffset(old));
        }
    }

    @Test
    void aTombstoneIsNothingToThisReleaseAndToTheFirst() throws IOException {
        byte[] tombstone = golden("envelope-1.1-tombstone");
        assertArrayEquals(tombstone, Envelope.tombstone(0x0123456789ABCDEFL));
        assertNull(Envelope.problem(tombstone));
        assertFalse(entries.isMisplaced(KEY, tombstone));
        // Also by a clock that stands at the beginning of time.
        for (long now : new long[] {0, LIFETIME.created(), Long.MAX_VALUE - 1}) {
            assertEquals(Entries.State.EXPIRED, entries.state(KEY, tombstone, now));
        }
        assertEquals(Long.MAX_VALUE, Envelope.made(tombstone), "it does not say when it was made");
        assertNull(EnvelopeOfVersionOne.problem(tombstone));
        assertTrue(EnvelopeOfVersionOne.isAbsence(tombstone));
        assertEquals(0, EnvelopeOfVersionOne.freshUntil(tombstone));
    }

    @Test
    void whatIsMarkedStaleOnceMoreIsAnotherEntry() {
        byte[] once =
                Envelope.markedStale(Envelope.of(HASH, LIFETIME, ETAG, Map.of(), PAYLOAD), LIFETIME.created() + 1);
        byte[] twice = Envelope.markedStale(once, LIFETIME.created() + 1);
        assertEquals(LIFETIME.created() - 1, Envelope.created(twice));
        assertEquals(LIFETIME.created() - 1, Envelope.freshUntil(twice));
        assertEquals(LIFETIME.staleUntil(), Envelope.staleUntil(twice));
        assertEquals("value ü", entries.decode(twice));
        byte[] oldest = Envelope.of(HASH, new Lifetime(0, 0, 5), null, Map.of(), PAYLOAD);
        assertEquals(0, Envelope.created(Envelope.markedStale(oldest, 1)));
    }

    @Test
    void versionOneIsReadFromItsGoldenFiles() throws IOException {
        byte[] plain = golden("envelope-1-plain");
        assertNull(Envelope.problem(plain));
        assertEquals(LIFETIME.created(), Envelope.created(plain));
        assertEquals(LIFETIME.freshUntil(), Envelope.freshUntil(plain));
        assertEquals(LIFETIME.staleUntil(), Envelope.staleUntil(plain));
        assertEquals("value ü", entries.decode(plain));
        assertEquals(Optional.empty(), Envelope.etag(plain));
        byte[] etag = golden("envelope-1-etag");
        assertNull(Envelope.problem(etag));
        assertEquals(Optional.of("\"v1\""), Envelope.etag(etag));
        assertEquals("value ü", entries.decode(etag));
        byte[] absence = golden("envelope-1-absence");
        assertNull(Envelope.problem(absence));
        assertTrue(Envelope.isAbsence(absence));
        assertEquals(Entries.State.FRESH, entries.state(KEY, golden("envelope-1-forever"), Long.MAX_VALUE - 1));
    }

    @Test
    void tagsAreReservedAndSkipped() throws IOException {
        byte[] tagged = golden("envelope-1-etag-tags");
        assertNull(Envelope.problem(tagged));
        assertEquals(Optional.of("\"v1\""), Envelope.etag(tagged));
        assertEquals("value ü", entries.decode(tagged));
    }

    @Test
    void otherVersionsAndUnknownFlagsAreUnreadable() throws IOException {
        byte[] entry = golden("envelope-1-plain");
        entry[2] = 2;
        assertNotNull(Envelope.problem(entry));
        entry[2] = 1;
        for (int flag = 8; flag <= 128; flag *= 2) {
            entry[3] = (byte) flag;
            assertNotNull(Envelope.problem(entry), "flag " + flag);
        }
    }

    @Test
    void anEntryThatEndsTooEarlyIsUnreadableWhereverThatIs() throws IOException {
        for (String name : List.of("1.1-plain", "1.1-etag", "1.1-absence", "1.1-key-and-tags", "1-etag-tags")) {
            byte[] entry = golden("envelope-" + name);
            int begin = Envelope.payloadOffset(entry);
            assertTrue(begin > 28 && begin <= entry.length, name);
            for (int length = 0; length < begin; length++) {
                assertNotNull(Envelope.problem(Arrays.copyOf(entry, length)), name + " cut off after " + length);
            }
            assertNull(Envelope.problem(Arrays.copyOf(entry, begin)), name + " without its payload");
            assertEquals(begin, Envelope.payloadOffset(Arrays.copyOf(entry, begin)), name);
        }
        byte[] plain = golden("envelope-1-plain");
        assertNotNull(Envelope.problem(Arrays.copyOf(plain, 27)));
        assertNull(Envelope.problem(Arrays.copyOf(plain, 28)));
    }

    @Test
    void whatHasNotItsMarkIsNoEntry() {
        byte[] entry = Envelope.of(HASH, LIFETIME, null, Map.of(), PAYLOAD);
        assertEquals(LIFETIME.created(), Envelope.made(entry));
        for (int i = 0; i < 2; i++) {
            byte[] other = entry.clone();
            other[i]++;
            assertTrue(String.valueOf(Envelope.problem(other)).startsWith("not an entry"), () -> "byte of the mark");
            assertEquals(Long.MAX_VALUE, Envelope.made(other));
        }
        assertEquals(LIFETIME.created(), Envelope.made(Arrays.copyOf(entry, 28)));
        assertEquals(Long.MAX_VALUE, Envelope.made(Arrays.copyOf(entry, 27)));
        assertTrue(String.valueOf(Envelope.problem(new byte[27])).contains("27 bytes"));
        entry[2] = 3;
        assertEquals("an entry of another release: version 3, flags 4", Envelope.problem(entry));
    }

    @Test
    void timesMayBeEqualAndMustNotContradictEachOther() {
        assertNull(Envelope.problem(Envelope.ofAbsence(HASH, new Lifetime(5, 5, 5), Map.of())));
        assertNull(Envelope.problem(Envelope.ofAbsence(HASH, new Lifetime(0, 5, 6), Map.of())));
        assertEquals(
                "a damaged entry: its times contradict each other",
                Envelope.problem(Envelope.ofAbsence(HASH, new Lifetime(6, 5, 7), Map.of())));
        assertNotNull(Envelope.problem(Envelope.ofAbsence(HASH, new Lifetime(4, 6, 5), Map.of())));
        assertNotNull(Envelope.problem(Envelope.ofAbsence(HASH, new Lifetime(-1, 5, 6), Map.of())));
    }

    @Test
    void whatIsMarkedStaleEndsWhenItWasMadeByWhicheverClock() {
        byte[] entry = Envelope.of(HASH, LIFETIME, ETAG, Map.of(), PAYLOAD);
        byte[] later = Envelope.markedStale(entry, LIFETIME.created() + 1);
        assertEquals(LIFETIME.created(), Envelope.created(later));
        assertEquals(LIFETIME.created(), Envelope.freshUntil(later));
        assertEquals(LIFETIME.staleUntil(), Envelope.staleUntil(later));
        assertEquals("value ü", entries.decode(later));
        byte[] ahead = Envelope.markedStale(entry, LIFETIME.created() - 1);
        assertEquals(LIFETIME.created() - 1, Envelope.created(ahead));
        assertEquals(LIFETIME.created() - 1, Envelope.freshUntil(ahead));
        assertEquals(LIFETIME.freshUntil(), Envelope.freshUntil(entry), "the entry itself is not changed");
    }

    @Test
    void onlyATagWithoutANameSaysWhichKeyItIsOf() {
        byte[] entry = Envelope.of(HASH, LIFETIME, ETAG, Map.of(), PAYLOAD);
        assertTrue(Envelope.isOf(HASH, entry));
        assertFalse(Envelope.isOf(OTHER, entry));
        // Without tags, though it says that it has some; and with a first one that has a name.
        byte[] none = Envelope.ofAbsence(HASH, LIFETIME, Map.of());
        none[29] = 0;
        assertTrue(Envelope.isOf(OTHER, none));
        byte[] named = Envelope.ofAbsence(HASH, LIFETIME, Map.of());
        named[31] = 1;
        assertTrue(Envelope.isOf(OTHER, named));
        assertFalse(Envelope.isAbsence(entry));
        assertTrue(Envelope.isAbsence(named));
    }

    @Test
    void anETagOfTheGreatestLengthIsRead() {
        byte[] etag = new byte[Envelope.MAX_ETAG_BYTES];
        Arrays.fill(etag, (byte) 'e');
        byte[] entry = Envelope.of(HASH, LIFETIME, etag, Map.of(), PAYLOAD);
        assertNull(Envelope.problem(entry));
        assertTrue(Envelope.isOf(HASH, entry));
        assertFalse(Envelope.isOf(OTHER, entry));
        assertEquals(Envelope.MAX_ETAG_BYTES, Envelope.etag(entry).orElseThrow().length());
        assertEquals("value ü", entries.decode(entry));
    }

    @Test
    void whateverBytesStandInAStoreReadingThemNeverFails() throws IOException {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        byte[][] golden = {golden("envelope-1-etag-tags"), golden("envelope-1.1-etag"), golden("envelope-1.1-plain")};
        for (int i = 0; i < 50_000; i++) {
            byte[] bytes;
            if (i % 2 == 0) {
                byte[] whole = golden[random.nextInt(golden.length)];
                bytes = Arrays.copyOf(whole, random.nextInt(whole.length + 1));
                for (int flips = random.nextInt(4); flips > 0 && bytes.length > 0; flips--) {
                    bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
                }
            } else {
                bytes = new byte[random.nextInt(80)];
                random.nextBytes(bytes);
            }
            try {
                Entries.State state = entries.state(KEY, bytes, LIFETIME.created());
                if (state == Entries.State.FRESH || state == Entries.State.STALE) {
                    Envelope.etag(bytes);
                    assertTrue(Envelope.payloadOffset(bytes) <= bytes.length);
                }
            } catch (RuntimeException e) {
                throw new AssertionError("seed " + seed + ": " + HexFormat.of().formatHex(bytes), e);
            }
        }
    }

    private static byte[] golden(String name) throws IOException {
        try (InputStream in = EnvelopeTest.class.getResourceAsStream("/golden/" + name + ".hex")) {
            assertNotNull(in, name);
            String hex = new String(in.readAllBytes(), StandardCharsets.US_ASCII).replaceAll("\\s+", "");
            return HexFormat.of().parseHex(hex);
        }
    }
}
