package dev.holdfast.cache.benchmarks;

import java.time.Duration;

/**
 * How long and how often is measured.
 *
 * @param quick whether this is the round of everything, without what is there for information only
 * @param warmUp how long a client is called before it counts
 * @param slice how long a client is called in one round
 * @param rounds how many rounds there are
 * @param roundsAlone how many there are at one thread, where the wake-up of a core spreads the figures
 * @param nanosIterations how many iterations a JMH fork has, of warm-up and of measurement each
 */
record Pace(boolean quick, Duration warmUp, Duration slice, int rounds, int roundsAlone, int nanosIterations) {
    static final Pace QUICK = new Pace(true, Duration.ofMillis(700), Duration.ofMillis(400), 5, 9, 3);
    static final Pace FULL = new Pace(false, Duration.ofSeconds(3), Duration.ofSeconds(2), 7, 11, 8);

    int rounds(int threads) {
        return threads == 1 ? roundsAlone : rounds;
    }
}
