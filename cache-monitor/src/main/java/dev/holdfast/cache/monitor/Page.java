package dev.holdfast.cache.monitor;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.Map;

/** The page that shows all of it, one file that asks nobody but this server. Runs only what bears this answer's number. For any number of threads. */
final class Page {
    private static final String FILE = "page.html";
    private static final String NONCE = "@nonce@";
    private static final int NONCE_BYTES = 18;
    private static final String POLICY =
            "default-src 'none'; script-src 'nonce-@nonce@'; style-src 'nonce-@nonce@'; connect-src 'self';"
                    + " img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    private final SecureRandom random = new SecureRandom();
    private final String text = read();

    private static String read() {
        try (InputStream in = Page.class.getResourceAsStream(FILE)) {
            if (in == null) {
                throw new IllegalStateException(FILE + " is missing beside " + Page.class);
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Reply reply() {
        byte[] bytes = new byte[NONCE_BYTES];
        random.nextBytes(bytes);
        String nonce = Base64.getUrlEncoder().encodeToString(bytes);
        return new Reply(
                200,
                "text/html; charset=utf-8",
                text.replace(NONCE, nonce),
                Map.of("Content-Security-Policy", POLICY.replace(NONCE, nonce), "Referrer-Policy", "no-referrer"));
    }
}
