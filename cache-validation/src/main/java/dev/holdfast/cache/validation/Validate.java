package dev.holdfast.cache.validation;

import java.io.PrintStream;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * Says whether an environment is ready: {@code mvn -q -Pvalidate verify}, or {@code java -jar} of this module. Reads the variables that the application
 * reads; touches only keys under {@code <prefix>#validate:<uuid>:}, which it removes, as does a second process if this one
 * is killed; sends no command that changes a server.
 *
 * <p>One line for each check, the last line is the verdict; with {@code --json} one object instead. Exits with 0 if the environment is ready, 1 if it
 * is not, 2 if it could not be checked.
 */
public final class Validate {
    private static final int COULD_NOT_RUN = 2;

    private Validate() {}

    /** Checks the environment of this process. */
    public static void main(String[] arguments) {
        if (arguments.length == 2 && arguments[0].equals(Guard.ARGUMENT)) {
            Guard.main(arguments[1]);
            return;
        }
        System.exit(run(List.of(arguments), System.getenv(), System.out, System.err, Guard::start));
    }

    /** Returns the exit code. */
    static int run(
            List<String> arguments,
            Map<String, String> variables,
            PrintStream out,
            PrintStream err,
            Function<String, AutoCloseable> guards) {
        Options options;
        try {
            options = Options.parse(arguments);
        } catch (IllegalArgumentException e) {
            err.println(e.getMessage());
            return COULD_NOT_RUN;
        }
        try {
            Report report = guarded(new Validation(variables, options), options, out, guards);
            out.println(options.json() ? report.json() : report.verdict());
            return report.exitCode();
        } catch (Exception | Error e) {
            err.println("could not run: " + new Secrets(variables).hidden(e.toString()));
            return COULD_NOT_RUN;
        }
    }

    private static Report guarded(
            Validation validation, Options options, PrintStream out, Function<String, AutoCloseable> guards)
            throws Exception {
        AutoCloseable guard = guards.apply(validation.keyPrefix());
        try {
            return validation.run(result -> {
                if (!options.json()) {
                    out.println(result.line());
                }
            });
        } finally {
            guard.close();
        }
    }
}
