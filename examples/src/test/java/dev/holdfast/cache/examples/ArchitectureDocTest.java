package dev.holdfast.cache.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * {@code docs/architecture.md} names modules, classes and methods that exist, the dependencies that the POMs have, and
 * as many files of a story as it counts. Whoever renames one of them reads here which word of the page is out of date.
 */
class ArchitectureDocTest {
    private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();

    /** What stands in backticks on one line, outside of a block of code. */
    private static final Pattern QUOTED = Pattern.compile("`([^`\n]+)`");

    /** {@code Class}, {@code Class.method}, {@code package/Class.method} or {@code Class.java}. */
    private static final Pattern NAME = Pattern.compile(
            "(?:(?<package>[a-z]+)/)?(?<class>[A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*)(?:\\.(?<member>\\w+))?");

    private static final Pattern MODULE = Pattern.compile("(?:cache|spring|stream)-[a-z-]+");

    /** A heading of a story, and how many files it says that the story has. */
    private static final Pattern STORY =
            Pattern.compile("### [^\n]*: (\\d+) files, [^\n]*\n(.*?)(?=\n##)", Pattern.DOTALL);

    private static final Pattern COUNTED = Pattern.compile("\\((\\d+)\\)");

    private static final Pattern DEPENDENCY = Pattern.compile("<dependency>(.*?)</dependency>", Pattern.DOTALL);

    /** A class of others that the page has in backticks, since ours use or resemble it. */
    private static final Set<String> FOREIGN = Set.of("ServiceLoader");

    private final String page = read(ROOT.resolve("docs/architecture.md"));

    /** The sources of the modules' classes by their names. */
    private final Map<String, List<Path>> ours = sources("main", path -> !isOfProgram(path));

    /** The sources of tests' classes: a name means one of these only if no module has it. */
    private final Map<String, List<Path>> others = sources("test", path -> true);

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static boolean isOfProgram(Path path) {
        return path.startsWith(ROOT.resolve("benchmarks")) || path.startsWith(ROOT.resolve("examples"));
    }

    private static Map<String, List<Path>> sources(String kind, Predicate<Path> wanted) {
        Map<String, List<Path>> found = new TreeMap<>();
        try (Stream<Path> modules = Files.list(ROOT)) {
            for (Path module : modules.toList()) {
                Path start = module.resolve("src/" + kind + "/java");
                if (!Files.isDirectory(start)) {
                    continue;
                }
                try (Stream<Path> files = Files.walk(start)) {
                    files.filter(file -> file.toString().endsWith(".java") && wanted.test(file))
                            .forEach(file -> found.computeIfAbsent(simpleName(file), name -> new ArrayList<>())
                                    .add(file));
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return found;
    }

    private static String simpleName(Path file) {
        String name = file.getFileName().toString();
        return name.substring(0, name.length() - ".java".length());
    }

    private static String packageName(Path file) {
        return file.getParent().getFileName().toString();
    }

    /** The files that a name may mean. */
    private List<Path> filesOf(String packageName, String className) {
        List<Path> files = ours.getOrDefault(className, others.getOrDefault(className, List.of()));
        return packageName == null
                ? files
                : files.stream()
                        .filter(file -> packageName(file).equals(packageName))
                        .toList();
    }

    /** Whether a file declares a method, a nested type or a constant of that name. */
    private static boolean declares(Path file, String member) {
        String word = "(?!(?:return|throw|new|else|assert)\\b)[\\w.@<>,?\\[\\]&]+";
        String method = "(?m)^ +(?:" + word + " )+" + member + "\\(";
        String type = "(?m)^ +(?:\\w+ )*(?:class|record|enum|interface) " + member + "\\b";
        String constant = "(?m)^ +" + member + "(?:\\(|,|;| \\{)|static final \\w+ " + member + " =";
        boolean isConstant = member.equals(member.toUpperCase(Locale.ROOT));
        return Pattern.compile(isConstant ? constant : method + "|" + type)
                .matcher(read(file))
                .find();
    }

    /** Whether a class is declared within another one of ours. */
    private boolean isNested(String className) {
        Pattern declaration = Pattern.compile("(?m)^ +(?:\\w+ )*(?:class|record|enum|interface) " + className + "\\b");
        return ours.values().stream()
                .flatMap(List::stream)
                .anyMatch(file -> declaration.matcher(read(file)).find());
    }

    /** Why a word in backticks is wrong; empty if it is right, or names neither a class nor a member of one. */
    private String problem(String word) {
        Matcher name = NAME.matcher(word);
        if (!name.matches() || FOREIGN.contains(name.group("class"))) {
            return "";
        }
        String member = "java".equals(name.group("member")) ? null : name.group("member");
        List<Path> files = filesOf(name.group("package"), name.group("class"));
        if (files.isEmpty()) {
            boolean nested = name.group("package") == null && member == null && isNested(name.group("class"));
            return nested ? "" : "no source of that name";
        }
        if (files.size() > 1) {
            return "several: say which of the packages "
                    + files.stream()
                            .map(ArchitectureDocTest::packageName)
                            .sorted()
                            .toList();
        }
        return member == null || declares(files.get(0), member) ? "" : "no such member in " + files.get(0);
    }

    private static Set<String> quoted(String text) {
        Set<String> words = new TreeSet<>();
        Matcher matcher = QUOTED.matcher(text.replaceAll("(?s)```.*?```", ""));
        while (matcher.find()) {
            words.add(matcher.group(1));
        }
        return words;
    }

    @Test
    void eachClassAndMethodOfThePageExistsAndIsTheOnlyOneOfItsName() {
        Map<String, String> problems = new TreeMap<>();
        for (String word : quoted(page)) {
            String problem = problem(word);
            if (!problem.isEmpty()) {
                problems.put(word, problem);
            }
        }
        assertEquals(Map.of(), problems);
    }

    @Test
    void whatDoesNotExistOrIsNotClearIsFound() {
        assertEquals("", problem("Circuit.open"));
        assertEquals("", problem("Circuit.java"));
        assertFalse(problem("CircuitOfNobody").isEmpty());
        assertFalse(problem("CircuitOfNobody.java").isEmpty());
        assertFalse(problem("Reason.counts").isEmpty(), "the file that a nested class is in is not said");
        assertFalse(problem("Circuit.openedByNobody").isEmpty());
        assertFalse(problem("single/Circuit").isEmpty());
        assertTrue(problem("Canary").startsWith("several"));
        assertFalse(problem("Circuit.firstGood").isEmpty(), "neither a field nor a mere call is a method");
        assertFalse(problem("Circuit.stand").isEmpty());
    }

    @Test
    void eachStoryHasAsManyFilesAsItSays() {
        Matcher story = STORY.matcher(page);
        int stories = 0;
        while (story.find()) {
            List<Integer> numbers = new ArrayList<>();
            Matcher number = COUNTED.matcher(story.group(2));
            while (number.find()) {
                numbers.add(Integer.valueOf(number.group(1)));
            }
            List<Integer> expected = Stream.iterate(1, n -> n + 1)
                    .limit(Integer.parseInt(story.group(1)))
                    .toList();
            assertEquals(expected, numbers, story.group().lines().findFirst().orElse(""));
            stories++;
        }
        assertEquals(5, stories);
    }

    @Test
    void theTableOfModulesHasTheDependenciesOfThePoms() {
        Map<String, Set<String>> expected = new TreeMap<>();
        Map<String, Set<String>> written = new TreeMap<>();
        for (String line : page.lines().filter(line -> line.startsWith("| `")).toList()) {
            String[] cells = line.split("\\|", -1);
            String module = cells[1].replace("`", "").strip();
            if (MODULE.matcher(module).matches()) {
                written.put(module, found(MODULE, cells[3]));
                expected.put(module, needs(ROOT.resolve(module).resolve("pom.xml")));
            }
        }
        assertEquals(expected, written);
        Set<String> published = ours.values().stream()
                .flatMap(List::stream)
                .map(file -> ROOT.relativize(file).getName(0).toString())
                .collect(Collectors.toCollection(TreeSet::new));
        published.add("spring-boot-starter");
        assertEquals(published, written.keySet());
    }

    private static Set<String> found(Pattern pattern, String text) {
        Set<String> found = new TreeSet<>();
        Matcher matcher = pattern.matcher(text);
        while (matcher.find()) {
            found.add(matcher.group());
        }
        return found;
    }

    /** The modules that a module depends on other than for its tests. */
    private static Set<String> needs(Path pom) {
        Set<String> needs = new TreeSet<>();
        Matcher dependency =
                DEPENDENCY.matcher(read(pom).replaceAll("(?s)<dependencyManagement>.*?</dependencyManagement>", ""));
        while (dependency.find()) {
            String text = dependency.group(1);
            Matcher artifact =
                    Pattern.compile("<artifactId>holdfast-([a-z-]+)<").matcher(text);
            if (artifact.find() && !text.contains("<scope>test</scope>")) {
                needs.add(artifact.group(1));
            }
        }
        return needs;
    }
}
