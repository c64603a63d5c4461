package dev.holdfast.cache.failover;

import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import io.github.resilience4j.circuitbreaker.CircuitBreakerConfig;
import io.github.resilience4j.circuitbreaker.CircuitBreakerConfig.SlidingWindowType;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * What a tier's last 20 calls say about it, until it is {@linkplain #reset reset}. Calls are reported after the fact, in lumps, so none
 * ever holds a permit that could be lost. Whether the tier admits calls is its {@link Circuit}'s to say.
 */
final class Breaker {
    static final int WINDOW = 20;

    private static final Duration NEVER = Duration.ofDays(36_500);
    private static final float FAILED_PERCENT = 50;
    private static final float SLOW_PERCENT = 80;

    private final CircuitBreaker breaker;
    private final long slowNanos;

    Breaker(String name, Duration slowCallThreshold) {
        slowNanos = slowCallThreshold.toNanos();
        breaker = CircuitBreaker.of(
                name,
                CircuitBreakerConfig.custom()
                        .slidingWindow(WINDOW, WINDOW, SlidingWindowType.COUNT_BASED)
                        .failureRateThreshold(FAILED_PERCENT)
                        .slowCallRateThreshold(SLOW_PERCENT)
                        .slowCallDurationThreshold(slowCallThreshold)
                        .waitDurationInOpenState(NEVER)
                        .writableStackTraceEnabled(false)
                        .build());
    }

    /** Reports calls that were answered since the last report; more than the window holds make no difference. */
    void answered(long calls, long slow) {
        long slowOnes = Math.min(slow, WINDOW);
        for (long i = Math.min(calls - slow, WINDOW - slowOnes); i > 0 && !tripped(); i--) {
            breaker.onSuccess(0, TimeUnit.NANOSECONDS);
        }
        for (long i = slowOnes; i > 0 && !tripped(); i--) {
            breaker.onSuccess(slowNanos + 1, TimeUnit.NANOSECONDS);
        }
    }

    /** Reports a call that failed. */
    void failed(Throwable cause) {
        if (!tripped()) {
            breaker.onError(0, TimeUnit.NANOSECONDS, cause);
        }
    }

    /** Whether too many of the last calls failed or were slow. */
    boolean tripped() {
        return breaker.getState() == CircuitBreaker.State.OPEN;
    }

    /** Whether slowness alone is why. */
    boolean slow() {
        return breaker.getMetrics().getSlowCallRate() >= SLOW_PERCENT
                && breaker.getMetrics().getFailureRate() < FAILED_PERCENT;
    }

    /** The share of the last calls that failed; 0 if there were none. */
    double failureRate() {
        CircuitBreaker.Metrics metrics = breaker.getMetrics();
        int calls = metrics.getNumberOfBufferedCalls();
        return calls == 0 ? 0 : (double) metrics.getNumberOfFailedCalls() / calls;
    }

    /** Starts anew with an empty window. */
    void reset() {
        breaker.reset();
    }
}
