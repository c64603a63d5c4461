package dev.holdfast.cache.upstash;

import okhttp3.Response;
import org.jspecify.annotations.Nullable;

/** An answer, read to its end, or as far as it is of use. */
final class HttpAnswer {
    private final Response response;
    private final byte[] body;
    private final boolean whole;

    HttpAnswer(Response response, byte[] body, boolean whole) {
        this.response = response;
        this.body = body;
        this.whole = whole;
    }

    int status() {
        return response.code();
    }

    /** Unpacked. */
    byte[] body() {
        return body;
    }

    @Nullable
    String header(String name) {
        return response.header(name);
    }

    /** Whether it was read to its end. */
    boolean whole() {
        return whole;
    }
}
