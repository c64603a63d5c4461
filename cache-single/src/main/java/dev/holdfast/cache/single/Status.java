package dev.holdfast.cache.single;

import java.nio.charset.StandardCharsets;

/** What a server answers where there is nothing to answer but that it was done: {@code OK}, {@code PONG}. No value is ever one. */
record Status(String text) {
    private static final Status OK = new Status("OK");

    /** Whether it is {@code PONG}, as whoever answers a PING in the server's place says. */
    boolean isPong() {
        return text.equals("PONG");
    }

    static Status of(byte[] line) {
        boolean ok = line.length == 2 && line[0] == 'O' && line[1] == 'K';
        return ok ? OK : new Status(new String(line, StandardCharsets.UTF_8));
    }
}
