package dev.holdfast.cache.examples;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Random;
import org.junit.jupiter.api.Test;

class BodyMemoryTest {
    private static final int LARGEST = 200_000;

    private final BodyMemory memory = new BodyMemory(500_000);

    private static byte[] bytes(int length) {
        byte[] bytes = new byte[length];
        new Random(length).nextBytes(bytes);
        return bytes;
    }

    private static InputStream stream(byte[] bytes) {
        return new ByteArrayInputStream(bytes);
    }

    @Test
    void aBodyIsHeldWithItsLengthUntilItsShareIsClosedWhetherTheLengthIsKnownOrNot() throws IOException {
        for (int length : new int[] {0, 1, 16_383, 16_384, 16_385, LARGEST}) {
            byte[] sent = bytes(length);
            for (long declared : new long[] {length, -1}) {
                try (BodyMemory.Share share = memory.share()) {
                    assertArrayEquals(sent, share.read(stream(sent), declared, LARGEST));
                    assertEquals(length, memory.held());
                }
                assertEquals(0, memory.held());
            }
        }
        assertEquals(0, memory.refused());
    }

    @Test
    void whatThereIsNoRoomForIsNotRead() throws IOException {
        try (BodyMemory.Share first = memory.share();
                BodyMemory.Share second = memory.share();
                BodyMemory.Share third = memory.share()) {
            first.read(stream(bytes(LARGEST)), LARGEST, LARGEST);
            second.read(stream(bytes(LARGEST)), LARGEST, LARGEST);
            InputStream unread = stream(bytes(LARGEST));
            BodyMemory.RefusedException refused =
                    assertThrows(BodyMemory.RefusedException.class, () -> third.read(unread, LARGEST, LARGEST));
            assertEquals(503, refused.status());
            assertEquals(LARGEST, unread.available());
            assertThrows(BodyMemory.RefusedException.class, () -> third.read(unread, -1, LARGEST));
            assertEquals(2, memory.refused());
        }
        assertEquals(0, memory.held());
    }

    @Test
    void whatIsTooLargeIsSaidToBeSo() {
        for (long declared : new long[] {LARGEST + 1, -1}) {
            try (BodyMemory.Share share = memory.share()) {
                BodyMemory.RefusedException refused = assertThrows(
                        BodyMemory.RefusedException.class,
                        () -> share.read(stream(bytes(LARGEST + 1)), declared, LARGEST));
                assertEquals(413, refused.status());
            }
        }
        assertEquals(0, memory.refused());
        assertEquals(0, memory.held());
    }

    @Test
    void theAnswerTakesTheRoomOfItsRequest() throws IOException {
        try (BodyMemory.Share share = memory.share()) {
            share.read(stream(bytes(LARGEST)), LARGEST, LARGEST);
            share.exchangeFor(bytes(500_000));
            assertEquals(500_000, memory.held());
            assertThrows(BodyMemory.RefusedException.class, () -> share.exchangeFor(bytes(500_001)));
        }
        assertEquals(0, memory.held());
    }
}
