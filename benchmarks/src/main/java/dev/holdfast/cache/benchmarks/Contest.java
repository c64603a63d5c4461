package dev.holdfast.cache.benchmarks;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.function.ToDoubleFunction;

/** Clients under the same load in turns, in another order each round, so that what the machine does meets all of them. */
final class Contest {
    private static final Random ORDER = new Random(7);

    private final String title;
    private final Pace pace;
    private final Load load;
    private final Map<String, Load.Call> calls = new LinkedHashMap<>();

    Contest(String title, Pace pace, Load load) {
        this.title = title;
        this.pace = pace;
        this.load = load;
    }

    Contest add(String client, Load.Call call) {
        calls.put(client, call);
        return this;
    }

    /** Runs all rounds and prints the medians. */
    Results run() throws InterruptedException {
        for (Load.Call call : calls.values()) {
            load.run(call, pace.warmUp());
        }
        Map<String, List<Load.Slice>> slices = new LinkedHashMap<>();
        calls.keySet().forEach(client -> slices.put(client, new ArrayList<>()));
        for (int round = pace.rounds(load.threads()); round > 0; round--) {
            List<String> order = new ArrayList<>(calls.keySet());
            Collections.shuffle(order, ORDER);
            for (String client : order) {
                Load.Slice slice = load.run(Objects.requireNonNull(calls.get(client)), pace.slice());
                Objects.requireNonNull(slices.get(client)).add(slice);
            }
        }
        Results results = new Results(slices);
        results.print(title);
        return results;
    }

    /** The slices of each client, round by round. */
    record Results(Map<String, List<Load.Slice>> slices) {
        static final ToDoubleFunction<Load.Slice> THROUGHPUT = Load.Slice::perSecond;

        double median(String client, ToDoubleFunction<Load.Slice> figure) {
            return Report.median(each(client, figure));
        }

        private double[] each(String client, ToDoubleFunction<Load.Slice> figure) {
            return Objects.requireNonNull(slices.get(client), client).stream()
                    .mapToDouble(figure)
                    .toArray();
        }

        /** Of some clients the one that gets through most. */
        String best(String first, String... others) {
            String best = first;
            for (String other : others) {
                best = median(other, THROUGHPUT) > median(best, THROUGHPUT) ? other : best;
            }
            return best;
        }

        /** Reports a client's figure as a multiple of a peer's; the spread is that of the rounds, each with itself. */
        void ratio(Report report, String name, String client, String peer, ToDoubleFunction<Load.Slice> figure) {
            double[] ours = each(client, figure);
            double[] theirs = each(peer, figure);
            double[] ratios = new double[ours.length];
            for (int i = 0; i < ratios.length; i++) {
                ratios[i] = ours[i] / theirs[i];
            }
            report.add(name, Report.median(ours) / Report.median(theirs), ratios, "ratio");
        }

        void ratio(Report report, String name, String client, String peer) {
            ratio(report, name, client, peer, THROUGHPUT);
        }

        private void print(String title) {
            Report.say("%s", title);
            Report.say(
                    "  %-24s %10s %9s %9s %9s %10s %7s",
                    "client", "calls/s", "p50 us", "p99 us", "p99.9 us", "longest us", "errors");
            slices.forEach((client, each) -> Report.say(
                    "  %-24s %10.0f %9.1f %9.1f %9.1f %10.0f %7d",
                    client,
                    median(client, Load.Slice::perSecond),
                    median(client, Load.Slice::p50),
                    median(client, Load.Slice::p99),
                    median(client, Load.Slice::p999),
                    each.stream().mapToDouble(Load.Slice::longest).max().orElse(0),
                    each.stream().mapToLong(Load.Slice::errors).sum()));
        }
    }
}
