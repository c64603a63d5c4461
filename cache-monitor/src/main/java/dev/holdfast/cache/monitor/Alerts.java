package dev.holdfast.cache.monitor;

import dev.holdfast.cache.client.HealthJson;
import dev.holdfast.cache.client.JsonWriter;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** The alerts that last and those that ended lately. Judged when it is told to, by a clock that it is given. For any number of threads. */
final class Alerts {
    private static final int MOST_RECENT = 50;

    private final List<Rule> rules;
    private final Map<String, Incident> incidents = new LinkedHashMap<>();
    private final Map<String, Discretion> discretions = new LinkedHashMap<>();
    private final Deque<Alert> recent = new ArrayDeque<>();
    private final Supplier<Instant> clock;
    private final Consumer<Transition> said;
    private final Consumer<JsonWriter> more;

    /**
     * Begins with none.
     *
     * @param rules the rules
     * @param clock the time on the wall
     * @param said is told what becomes of alerts, but for what flaps, in order
     * @param more writes further fields of the JSON: how those who are told get on, and what became of the tiers
     */
    Alerts(List<Rule> rules, Supplier<Instant> clock, Consumer<Transition> said, Consumer<JsonWriter> more) {
        this.rules = rules;
        this.clock = clock;
        this.said = said;
        this.more = more;
        for (Rule rule : rules) {
            incidents.put(rule.id(), new Incident(rule));
            discretions.put(rule.id(), new Discretion());
        }
    }

    /** Judges what is seen now; returns in how many nanoseconds something will happen if nothing changes. */
    synchronized long judge(Figures.Now seen) {
        long now = seen.look().sample().nanos();
        long due = Long.MAX_VALUE;
        for (Rule rule : rules) {
            Incident incident = incident(rule.id());
            Discretion discretion = Objects.requireNonNull(discretions.get(rule.id()));
            Transition transition = incident.judge(rule.value().apply(seen), now, clock.get());
            Transition toSay =
                    transition == null ? discretion.passed(incident.alert(), now) : discretion.became(transition, now);
            if (transition != null && transition.kind() == Transition.Kind.RESOLVED) {
                recent.addFirst(transition.alert());
                while (recent.size() > MOST_RECENT) {
                    recent.removeLast();
                }
            }
            if (toSay != null) {
                said.accept(toSay);
            }
            due = Math.min(due, incident.due(now));
        }
        return due;
    }

    private Incident incident(String rule) {
        return Objects.requireNonNull(incidents.get(rule));
    }

    /** What lasts, in the order of the rules. */
    synchronized List<Alert> active() {
        List<Alert> active = new ArrayList<>();
        for (Incident incident : incidents.values()) {
            Alert alert = incident.alert();
            if (alert != null) {
                active.add(alert);
            }
        }
        return active;
    }

    long active(Severity severity) {
        return active().stream().filter(alert -> alert.severity() == severity).count();
    }

    private synchronized List<Alert> recent() {
        return List.copyOf(recent);
    }

    String json() {
        return JsonWriter.object(json -> {
            json.field("timestamp", HealthJson.time(clock.get()))
                    .array("active", active(), (each, alert) -> alert.write(each))
                    .array("recent", recent(), (each, alert) -> alert.write(each));
            more.accept(json);
        });
    }
}
