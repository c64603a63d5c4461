package dev.holdfast.cache.validation;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The program in a process of its own. */
final class ValidateProcess {
    private ValidateProcess() {}

    static Process start(String... namesAndValues) throws IOException {
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        List<String> command = new ArrayList<>(List.of(
                java,
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-cp",
                System.getProperty("java.class.path"),
                Validate.class.getName()));
        ProcessBuilder builder = new ProcessBuilder(command)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(ProcessBuilder.Redirect.DISCARD);
        builder.environment().keySet().removeIf(name -> name.matches("(REDIS|CACHE|UPSTASH|KV)_.*"));
        for (int i = 0; i < namesAndValues.length; i += 2) {
            builder.environment().put(namesAndValues[i], namesAndValues[i + 1]);
        }
        return builder.start();
    }
}
