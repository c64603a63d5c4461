package dev.holdfast.streams;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintStream;
import java.io.PrintWriter;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Exceptions of handlers that can't be told as they are. */
class HandlerFailureTest extends Fixture {
    private static final int DEEP = 20_000;

    /** What a handler throws. */
    enum Evil {
        MUTE,
        CAUSELESS,
        TRACELESS,
        HUNGRY,
        ENDLESS,
        DEEP;

        Throwable made() {
            return switch (this) {
                case MUTE -> new Mute();
                case CAUSELESS -> new Causeless();
                case TRACELESS -> new Traceless();
                case HUNGRY -> new Hungry();
                case ENDLESS -> new Endless();
                case DEEP -> deep();
            };
        }

        private static Throwable deep() {
            Throwable cause = new IllegalStateException("bottom");
            for (int i = 0; i < HandlerFailureTest.DEEP; i++) {
                cause = new IllegalStateException("x", cause);
            }
            return cause;
        }
    }

    private static class Mute extends RuntimeException {
        private static final long serialVersionUID = 1;

        @Override
        public String getMessage() {
            throw new IllegalStateException("no message");
        }
    }

    private static class Causeless extends RuntimeException {
        private static final long serialVersionUID = 1;

        @Override
        public synchronized @Nullable Throwable getCause() {
            throw new IllegalStateException("no cause");
        }
    }

    private static class Traceless extends RuntimeException {
        private static final long serialVersionUID = 1;

        @Override
        public void printStackTrace(PrintStream stream) {
            throw new IllegalStateException("no trace");
        }

        @Override
        public void printStackTrace(PrintWriter writer) {
            throw new IllegalStateException("no trace");
        }
    }

    private static class Hungry extends RuntimeException {
        private static final long serialVersionUID = 1;

        @Override
        public String getMessage() {
            throw new OutOfMemoryError("of the message");
        }
    }

    private static class Endless extends RuntimeException {
        private static final long serialVersionUID = 1;

        @Override
        public String getMessage() {
            return String.valueOf(new Endless().getMessage());
        }
    }

    @ParameterizedTest
    @EnumSource(Evil.class)
    void anExceptionThatCanNotBeToldIsAFailedAttemptAndADeadLetterOfItsType(Evil evil) throws Exception {
        AtomicInteger runs = new AtomicInteger();
        Throwable made = evil.made();
        RequestServer server = server(config(), 1, request -> {
            if (request.id().equals("good")) {
                return request.payload();
            }
            runs.incrementAndGet();
            throw HandlerFailureTest.<RuntimeException>unchecked(made);
        });
        RequestClient client = client(config());
        RequestFailedException failure =
                assertThrows(RequestFailedException.class, () -> client.callAndWait("bad", bytes("x"), LIMIT));
        String type = made.getClass().getName();
        assertTrue(String.valueOf(failure.getMessage()).contains(type), failure.getMessage());
        assertEquals(3, runs.get());
        assertEquals(3, server.health().attemptsFailed());
        String letters = String.valueOf(redis().command("XRANGE", "{" + name + "}:dead", "-", "+"));
        assertTrue(letters.contains(type), letters);
        assertEquals("y", text(client.callAndWait("good", bytes("y"), LIMIT)), "on the same terminal");
    }

    @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
    private static <T extends Throwable> T unchecked(Throwable any) throws T {
        throw (T) any;
    }
}
