package dev.holdfast.cache.monitor;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/** What one rule has come to: nothing, or one alert, whose severity is that of the most severe limit that is on. Of one thread. */
final class Incident {
    private final Rule rule;
    private final List<Latch> latches = new ArrayList<>();
    private @Nullable Alert alert;

    Incident(Rule rule) {
        this.rule = rule;
        for (Limit limit : rule.limits()) {
            latches.add(new Latch(
                    limit, rule.raiseAfter().toNanos(), rule.clearAfter().toNanos()));
        }
    }

    /** The alert that lasts; {@code null} if none does. */
    @Nullable
    Alert alert() {
        return alert;
    }

    /** Judges a value, and returns what became of the alert by that; {@code null} if nothing did. */
    @Nullable
    Transition judge(OptionalDouble value, long now, Instant time) {
        latches.forEach(latch -> latch.judge(value, now));
        Latch worst = null;
        for (Latch latch : latches) {
            worst = latch.isOn() ? latch : worst;
        }
        Alert before = alert;
        if (worst == null) {
            alert = null;
            return before == null ? null : new Transition(Transition.Kind.RESOLVED, before.resolvedAt(time));
        }
        double shown = value.orElse(before == null ? worst.limit().raise() : before.value());
        Limit limit = worst.limit();
        Alert after = new Alert(
                rule.id(),
                limit.severity(),
                rule.metric(),
                shown,
                limit.raise(),
                rule.unit(),
                rule.words().of(shown, limit),
                before == null ? time : before.since(),
                null);
        alert = after;
        if (before == null) {
            return new Transition(Transition.Kind.FIRING, after);
        }
        return before.severity() == after.severity() ? null : new Transition(Transition.Kind.CHANGED, after);
    }

    /** In how many nanoseconds something will become of it if nothing changes. */
    long due(long now) {
        return latches.stream().mapToLong(latch -> latch.due(now)).min().orElse(Long.MAX_VALUE);
    }
}
