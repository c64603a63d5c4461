package dev.holdfast.cache.validation;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** All checks of an environment, in their order. */
final class Validation {
    private final Environment environment;
    private final Options options;

    Validation(Map<String, String> variables, Options options) {
        this.environment = new Environment(variables);
        this.options = options;
    }

    /** What this run's keys begin with. */
    String keyPrefix() {
        return environment.keyPrefix();
    }

    /** Makes them all; each result is shown as soon as it is known. Secrets stand in none. */
    Report run(Consumer<Result> shown) {
        Secrets secrets = environment.secrets();
        List<Result> all = new ArrayList<>();
        Findings findings = new Findings(result -> {
            Result fit = new Result(
                    result.check(),
                    result.mark(),
                    secrets.hidden(result.measured()),
                    result.remedy() == null ? null : secrets.hidden(result.remedy()));
            all.add(fit);
            shown.accept(fit);
        });
        check(findings);
        return new Report(all);
    }

    private void check(Findings findings) {
        ProcessChecks process = new ProcessChecks(environment);
        if (!findings.add(process.settings())) {
            return;
        }
        List<TierChecks> tiers = new ArrayList<>();
        try {
            for (String tier : environment.tiers()) {
                tiers.add(new TierChecks(tier, environment, findings, options));
            }
            check(process, tiers, findings);
        } finally {
            // At last: every client of this run writes keys of its own.
            tiers.forEach(TierChecks::cleanUp);
            tiers.forEach(TierChecks::close);
        }
    }

    private void check(ProcessChecks process, List<TierChecks> tiers, Findings findings) {
        boolean well = true;
        for (TierChecks tier : tiers) {
            well &= tier.run();
        }
        findings.add(process.baseline());
        findings.add(
                well
                        ? process.monitoring(environment.tiers())
                        : Result.skipped("monitoring", "what failed before has to be put right first"));
        findings.add(
                options.sendTestAlert()
                        ? TestAlert.send(environment)
                        : Result.skipped("alert channel", "--send-test-alert sends one"));
    }
}
