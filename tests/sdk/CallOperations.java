/** Calls every operation with the client that openapi-generator makes in Java, and prints what came of each call. */
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Parameter;
import java.util.Arrays;
import java.util.Comparator;
import org.openapitools.client.ApiClient;

final class CallOperations {
    /** Takes the service's address and the operations in JSON. */
    public static void main(String[] arguments) throws Exception {
        ApiClient client = new ApiClient();
        client.updateBaseUri(arguments[0]);
        for (JsonNode operation : client.getObjectMapper().readTree(arguments[1])) {
            String name = operation.get("name").asText();
            try {
                Object found = call(client, operation);
                if (found == null) {
                    throw new IllegalStateException("nothing was read");
                }
                System.out.println("ok " + name + " " + (found instanceof File file ? file.length() : 0));
            } catch (InvocationTargetException error) {
                System.out.println("refused " + name + " " + error.getCause());
            } catch (Exception error) {
                System.out.println("refused " + name + " " + error);
            }
        }
    }

    private static Object call(ApiClient client, JsonNode operation) throws Exception {
        Class<?> api = Class.forName("org.openapitools.client.api." + camel("-" + operation.get("tag").asText()) + "Api");
        String name = camel(operation.get("name").asText());
        Method method = Arrays.stream(api.getMethods()).filter(each -> each.getName().equals(name))
            .min(Comparator.comparing(Method::getParameterCount)).orElseThrow(); // the other takes headers too
        ObjectMapper mapper = client.getObjectMapper();
        Object[] values = new Object[method.getParameterCount()];
        for (String kind : new String[] {"path", "query"}) {
            operation.get(kind).fields().forEachRemaining(argument -> {
                Parameter[] parameters = method.getParameters();
                for (int place = 0; place < parameters.length; place++) {
                    if (parameters[place].getName().equals(camel(argument.getKey()))) {
                        values[place] = mapper.convertValue(
                            argument.getValue(), mapper.constructType(parameters[place].getParameterizedType()));
                    }
                }
            });
        }
        return method.invoke(api.getConstructor(ApiClient.class).newInstance(client), values);
    }

    private static String camel(String name) {
        return java.util.regex.Pattern.compile("[-_](.)").matcher(name).replaceAll(each -> each.group(1).toUpperCase());
    }
}
