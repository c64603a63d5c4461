package dev.holdfast.cache.failover;

import dev.holdfast.cache.spi.Beat;
import dev.holdfast.cache.spi.Roll;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What {@link dev.holdfast.cache.spi.RedisScript#BEAT} does, in Java; {@code BeatScriptTest} holds the two against each other. */
final class ModelRoll {
    private static final String NOBODY = "?";
    /** What a server may have lost unnoticed, as by a replica that is behind. */
    private static final long LITTLE = 2_000;

    private static final long PACE_LASTS = 60_000;
    private static final long PACE_IS_KEPT_UP = 10_000;

    private final AgreementBug bug;
    private final Map<String, Long> clean = new TreeMap<>();
    private final Map<String, Long> heard = new TreeMap<>();
    private final Map<String, Long> floors = new HashMap<>();
    private long now;
    /** The time that is kept. */
    private long kept;

    private long version;
    private long away;
    private long silent;
    private long pace = -1;
    private long paced;

    ModelRoll(AgreementBug bug) {
        this.bug = bug;
    }

    ModelRoll copy() {
        ModelRoll copy = new ModelRoll(bug);
        copy.clean.putAll(clean);
        copy.heard.putAll(heard);
        copy.floors.putAll(floors);
        copy.now = now;
        copy.kept = kept;
        copy.version = version;
        copy.away = away;
        copy.silent = silent;
        copy.pace = pace;
        copy.paced = paced;
        return copy;
    }

    Roll beat(Beat beat, long time) {
        long sent = beat.sentMillis() >= 0 && bug == AgreementBug.DATED_BY_SERVER ? time : beat.sentMillis();
        long forget = beat.forget().toMillis();
        String self = beat.member();
        long was = kept;
        now = Math.max(Math.max(was, time), sent);
        kept = now - was >= 100 ? now : was;
        boolean back = was > 0 && was < beat.knownMillis() - LITTLE;
        long last = heard.values().stream().mapToLong(each -> each).max().orElse(Long.MIN_VALUE);
        boolean nobody = heard.isEmpty();
        if (version == 0 || back) {
            clean.put(NOBODY, 0L);
            heard.put(NOBODY, now);
            version = Math.max(version, now);
        }
        if (back) {
            raise(Roll.ALL, now);
            raise(Roll.AGREEING, now);
        }
        if (!nobody && now - last > forget / 2) {
            silent = now;
            away = now;
        } else if (beat.wasAway()) {
            away = now;
        }
        enter(beat, self, sent);
        if (was / 1_000 != now / 1_000 && now - silent >= forget) {
            strikeOff(self, forget);
        }
        if (bug != AgreementBug.FLOORS_OF_CLEAN_ONLY || beat.standing() == Beat.Standing.CLEAN) {
            beat.floors().forEach(this::raise);
        }
        keepPace(beat.period().toMillis());
        long oldest = clean.entrySet().stream()
                .filter(each -> !each.getKey().equals(self))
                .mapToLong(Map.Entry::getValue)
                .min()
                .orElse(Long.MAX_VALUE);
        boolean others = oldest != Long.MAX_VALUE && bug != AgreementBug.MISSING_IGNORED;
        return new Roll(
                now,
                others ? Math.max(0, now - oldest) : -1,
                pace,
                version,
                version == beat.version() ? Map.of() : floors);
    }

    private void enter(Beat beat, String self, long sent) {
        boolean isClean = beat.standing() == Beat.Standing.CLEAN;
        if (beat.standing() == Beat.Standing.LEAVING) {
            if (heard.getOrDefault(self, 0L) <= sent) {
                clean.remove(self);
                heard.remove(self);
            }
        } else if (bug == AgreementBug.ENROLLED_WHEN_CLEAN && !isClean && !clean.containsKey(self)) {
            // Nobody knows of it.
        } else if (sent < 0) {
            clean.putIfAbsent(self, 0L);
            heard.put(self, now);
        } else {
            clean.merge(self, isClean ? sent : 1, Math::max);
            clean.merge(self, 1L, Math::max);
            heard.merge(self, sent, Math::max);
        }
    }

    private void strikeOff(String self, long forget) {
        List<String> gone = new ArrayList<>();
        heard.entrySet().stream()
                .filter(each -> each.getValue() <= now - forget)
                .sorted(Map.Entry.<String, Long>comparingByValue()
                        .thenComparing(Map.Entry.comparingByKey(Comparator.naturalOrder())))
                .limit(16)
                .forEach(each -> gone.add(each.getKey()));
        gone.remove(self);
        for (String each : gone) {
            long wasClean = clean.getOrDefault(each, 0L);
            long said = heard.get(each);
            clean.remove(each);
            heard.remove(each);
            raise(Roll.AGREEING, now);
            if (wasClean > 0 && (wasClean < said || away > said)) {
                raise(Roll.ALL, now);
            }
        }
    }

    private void raise(String name, long floor) {
        if (bug != AgreementBug.NO_FLOOR && floors.getOrDefault(name, 0L) < floor) {
            floors.put(name, floor);
            version = Math.max(version + 1, now);
        }
    }

    private void keepPace(long period) {
        if (now - paced > PACE_LASTS) {
            pace = -1;
        }
        if (period > 0 && (pace < 0 || period < pace || (period == pace && now - paced > PACE_IS_KEPT_UP))) {
            pace = period;
            paced = now;
        }
    }
}
