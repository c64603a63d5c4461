package dev.holdfast.cache.monitor;

import java.time.Duration;
import java.util.List;
import java.util.OptionalDouble;
import java.util.function.Function;

/**
 * What is judged, and when it is an alert.
 *
 * @param id the name, in kebab case
 * @param metric what is measured, as the endpoints name it
 * @param unit of what is measured
 * @param limits from the least severe; empty if the rule is switched off
 * @param raiseAfter how long a value must be beyond a limit
 * @param clearAfter how long a value must be clear
 * @param value measures; empty where nothing can be judged
 * @param words says what is wrong
 */
record Rule(
        String id,
        String metric,
        String unit,
        List<Limit> limits,
        Duration raiseAfter,
        Duration clearAfter,
        Function<Figures.Now, OptionalDouble> value,
        Words words) {

    /** Says what is wrong in one sentence, without keys, values or texts of others. */
    interface Words {
        String of(double value, Limit limit);
    }
}
