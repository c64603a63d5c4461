package dev.holdfast.cache.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PushParserTest {
    private static final String HELLO = lines(
            "%3", "$6", "server", "$5", "redis", "$5", "proto", ":3", "$7", "modules", "*1", "%1", "$4", "name", "*0");
    private static final String INVALIDATE = ">2\r\n$10\r\ninvalidate\r\n";

    private final List<String> heard = new ArrayList<>();
    private final PushParser parser = new PushParser(new PushParser.Listener() {
        @Override
        public void changed(byte[] bytes, int from, int to) {
            heard.add("key " + new String(bytes, from, to - from, StandardCharsets.UTF_8));
        }

        @Override
        public void flushed() {
            heard.add("flushed");
        }

        @Override
        public void replied(char kind, String line) {
            heard.add(kind + line);
        }
    });

    private static String lines(String... lines) {
        return String.join("\r\n", lines) + "\r\n";
    }

    private void feed(String text, int piece) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        for (int from = 0; from < bytes.length; from += piece) {
            parser.feed(bytes, from, Math.min(bytes.length, from + piece));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 7, 64, 10_000})
    void whatComesIsReadHoweverItIsCut(int piece) throws IOException {
        String large = "c:" + "x".repeat(3_000);
        feed(
                HELLO + "+OK\r\n" + INVALIDATE + "*2\r\n$3\r\nc:a\r\n$4\r\nc:ü\r\n+PONG\r\n" + INVALIDATE
                        + "*1\r\n$3002\r\n" + large + "\r\n-NOPERM no\r\n$7\r\nstate:0\r\n=11\r\ntxt:state:1\r\n",
                piece);
        assertEquals(
                List.of(
                        "%",
                        "+OK", "key c:a", "key c:ü", "+PONG", "key " + large, "-NOPERM no", "$state:0", "=state:1"),
                heard);
    }

    @ParameterizedTest
    @ValueSource(strings = {"_\r\n", "*-1\r\n", "$-1\r\n"})
    void nothingInThePlaceOfKeysMeansAllKeys(String nothing) throws IOException {
        feed(INVALIDATE + nothing + "+PONG\r\n", 5);
        assertEquals(List.of("flushed", "+PONG"), heard);
    }

    @Test
    void noKeysAreNoKeysAndAnEmptyOneIsOne() throws IOException {
        feed(INVALIDATE + "*0\r\n" + INVALIDATE + "*1\r\n$0\r\n\r\n", 4);
        assertEquals(List.of("key "), heard);
    }

    @Test
    void otherPushesArePassedOver() throws IOException {
        feed(">3\r\n$7\r\nmessage\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n>1\r\n$4\r\nnone\r\n+PONG\r\n", 6);
        assertEquals(List.of("+PONG"), heard);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "HTTP/1.1 400\r\n",
                "*x\r\n",
                "*\r\n",
                "$99999999999\r\n",
                ">2\r\n$10\r\ninvalidate\r\n*1\r\n$2000000\r\n"
            })
    void whatIsNoneIsRefused(String garbage) {
        assertThrows(IOException.class, () -> feed(garbage, 9));
    }

    @Test
    void whatIsNestedWithoutEndIsRefused() {
        assertThrows(IOException.class, () -> feed("*1\r\n".repeat(20), 4));
    }
}
