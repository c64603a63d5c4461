package dev.holdfast.cache.monitor;

import dev.holdfast.cache.Settings;
import dev.holdfast.cache.monitor.Limit.Side;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.DoubleUnaryOperator;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The bounds of rules, as the variables {@code CACHE_ALERT_<RULE>_WARNING} and {@code _CRITICAL} have them. A bound can be passed and can be cleared
 * again, and a critical one is passed after that of the warning: other values are refused, since an alert that never comes, or never ends, is noticed
 * when it is too late.
 */
final class Bounds {
    private static final String BEGIN = "CACHE_ALERT_";
    private static final String OFF = "off";
    private static final double HIGHEST_PERCENT = 100;
    private static final double LONGEST_MILLIS = 1_000_000;
    /** No unit, no exponent and none of the words that Java takes for numbers. */
    private static final Pattern NUMBER = Pattern.compile("[0-9]{1,7}(\\.[0-9]{1,6})?");

    private final Settings settings;

    Bounds(Settings settings) {
        this.settings = settings;
    }

    /** {@code clear} says where an alert is cleared, within 0 and 100 percent. */
    List<Limit> percent(
            String rule, Side side, @Nullable Integer warning, @Nullable Integer critical, DoubleUnaryOperator clear) {
        return limits(
                rule,
                side,
                HIGHEST_PERCENT,
                warning,
                critical,
                bound -> Math.max(0, Math.min(HIGHEST_PERCENT, clear.applyAsDouble(bound))));
    }

    /** {@code clear} says where an alert is cleared. */
    List<Limit> millis(String rule, int warning, int critical, DoubleUnaryOperator clear) {
        return limits(rule, Side.ABOVE, LONGEST_MILLIS, warning, critical, clear);
    }

    /** Of a rule that has no bound to be set. */
    List<Limit> unlessOff(Limit limit, String rule) {
        String variable = variable(rule, limit.severity());
        String text = settings.text(variable).orElse("");
        if (!text.isEmpty() && !text.equalsIgnoreCase(OFF)) {
            throw settings.malformed(variable, "must be off, or left out: this rule has no bound");
        }
        return text.isEmpty() ? List.of(limit) : List.of();
    }

    private static String variable(String rule, Severity severity) {
        return BEGIN + rule.toUpperCase(Locale.ROOT).replace('-', '_') + '_' + severity;
    }

    private List<Limit> limits(
            String rule,
            Side side,
            double highest,
            @Nullable Integer warning,
            @Nullable Integer critical,
            DoubleUnaryOperator clear) {
        Double first = bound(variable(rule, Severity.WARNING), warning, highest);
        Double second = bound(variable(rule, Severity.CRITICAL), critical, highest);
        if (first != null && second != null) {
            requireOrder(rule, side, first, second);
        }
        List<Limit> limits = new ArrayList<>();
        if (first != null) {
            limits.add(new Limit(Severity.WARNING, side, first, clear.applyAsDouble(first)));
        }
        if (second != null) {
            limits.add(new Limit(Severity.CRITICAL, side, second, clear.applyAsDouble(second)));
        }
        return limits;
    }

    private void requireOrder(String rule, Side side, double warning, double critical) {
        if (side == Side.BELOW ? critical <= warning : critical >= warning) {
            return;
        }
        String variable = variable(rule, Severity.CRITICAL);
        String other = variable(rule, Severity.WARNING);
        String word = side == Side.BELOW ? "above" : "below";
        // The one that was set is to be changed.
        throw settings.isSet(variable)
                ? settings.malformed(variable, "must not be " + word + " that of " + other + ", " + plain(warning))
                : settings.malformed(
                        other,
                        "must not be " + (side == Side.BELOW ? "below" : "above") + " that of " + variable + ", "
                                + plain(critical) + " unless that is set too, to a number or " + OFF);
    }

    private static String plain(double bound) {
        return bound == Math.rint(bound) ? "" + (long) bound : "" + bound;
    }

    private @Nullable Double bound(String variable, @Nullable Integer byDefault, double highest) {
        String text = settings.text(variable).orElse("").toLowerCase(Locale.ROOT);
        if (text.isEmpty()) {
            return byDefault == null ? null : byDefault.doubleValue();
        }
        if (text.equals(OFF)) {
            return null;
        }
        double bound = NUMBER.matcher(text).matches() ? Double.parseDouble(text) : 0;
        if (bound <= 0 || bound >= highest) {
            throw settings.malformed(variable, "must be a number above 0 and below " + plain(highest) + ", or " + OFF);
        }
        return bound;
    }
}
