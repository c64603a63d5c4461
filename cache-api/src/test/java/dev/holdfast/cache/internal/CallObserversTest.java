package dev.holdfast.cache.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.spi.CallObserver;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class CallObserversTest {
    private final CallObservers observers = new CallObservers();
    private final List<String> told = new ArrayList<>();

    /** Says what it is told; equal to any other. */
    private final class Log implements CallObserver {
        private final String name;

        Log(String name) {
            this.name = name;
        }

        @Override
        public Ended began(String call, String place) {
            told.add(name + " " + call + " at " + place);
            return failure -> told.add(name + " " + call + " ended " + failure);
        }

        @Override
        public void waited(String place, long nanos) {
            told.add(name + " waited " + nanos + " for " + place);
        }

        @Override
        public boolean equals(@Nullable Object other) {
            return other instanceof Log;
        }

        @Override
        public int hashCode() {
            return 0;
        }
    }

    @Test
    void anObserverIsToldOfEachCallFromBeginToEnd() {
        Runnable end = observers.add(new Log("one"));
        assertTrue(observers.isObserved());
        CallObserver.Ended call = observers.began("GET", "127.0.0.1:6379");
        observers.waited("127.0.0.1:6379", -1);
        call.ended(null);
        CallObserver.Ended lasting = observers.beganPipeline("SET", "[::1]:6379");
        end.run();
        observers.began("GET", "127.0.0.1:6379").ended(null);
        lasting.ended(new TimeoutException());
        assertEquals(
                List.of(
                        "one GET at 127.0.0.1:6379",
                        "one waited 0 for 127.0.0.1:6379",
                        "one GET ended null",
                        "one PIPELINE SET at [::1]:6379",
                        "one PIPELINE SET ended java.util.concurrent.TimeoutException"),
                told);
        assertFalse(observers.isObserved());
    }

    @Test
    void equalObserversAreTwoAndEachEndsByItself() {
        Runnable first = observers.add(new Log("one"));
        observers.add(new Log("two"));
        first.run();
        first.run();
        observers.began("GET", "here");
        assertEquals(List.of("two GET at here"), told);
    }

    @Test
    void anObserverThatFailsHarmsNeitherTheCallNorTheOthers() {
        observers.add((name, place) -> {
            throw new IllegalStateException("at the beginning");
        });
        observers.add((name, place) -> failure -> {
            throw new StackOverflowError("at the end");
        });
        observers.add(new Log("last"));
        observers.began("GET", "here").ended(null);
        observers.waited("here", 5);
        assertEquals(List.of("last GET at here", "last GET ended null", "last waited 5 for here"), told);
    }

    @Test
    void aFailureThatCannotEvenBeLoggedHarmsNobodyEither() {
        observers.add(new Log("first"));
        observers.add((name, place) -> {
            throw new StackOverflowError() {
                @Override
                public String getMessage() {
                    throw new LinkageError("while it was logged");
                }
            };
        });
        observers.add(new Log("last"));
        observers.began("GET", "here").ended(null);
        assertEquals(
                List.of("first GET at here", "last GET at here", "first GET ended null", "last GET ended null"), told);
    }

    @Test
    void whatNobodyObservesIsOneObjectForAllCalls() {
        assertSame(CallObserver.UNOBSERVED, observers.began("GET", "here"));
        assertSame(CallObserver.UNOBSERVED, observers.beganPipeline("SET", "here"));
    }
}
