/** Calls every operation of the client that openapi-generator makes in Java, with what its parameters need. */
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Parameter;
import java.util.Arrays;
import java.util.Comparator;
import org.openapitools.client.ApiClient;

final class UseJava {
    private static final String APIS = "org.openapitools.client.api.";

    /** Takes the service's address and a file of operations, each with its API, its name and its arguments. */
    public static void main(String[] arguments) throws Exception {
        ApiClient client = new ApiClient();
        client.updateBaseUri(arguments[0]);
        ObjectMapper mapper = client.getObjectMapper();
        for (JsonNode operation : mapper.readTree(new File(arguments[1]))) {
            String name = operation.get("name").asText();
            try {
                Class<?> api = Class.forName(APIS + operation.get("api").asText());
                Object instance = api.getConstructor(ApiClient.class).newInstance(client);
                Method method = Arrays.stream(api.getMethods())
                    .filter(each -> each.getName().equals(name))
                    .min(Comparator.comparing(Method::getParameterCount)).orElseThrow();
                Object[] values = new Object[method.getParameterCount()];
                for (int place = 0; place < values.length; place++) {
                    Parameter parameter = method.getParameters()[place];
                    JsonNode value = operation.get("arguments").get(parameter.getName());
                    values[place] = value == null ? null : mapper.readValue(
                        value.traverse(), mapper.constructType(parameter.getParameterizedType()));
                }
                Object found = method.invoke(instance, values);
                boolean isEmpty = found == null || found instanceof File file && file.length() == 0;
                System.out.println((isEmpty ? "REFUSED " : "ok ") + name);
            } catch (InvocationTargetException error) {
                System.out.println("REFUSED " + name + ": " + error.getCause());
            } catch (ReflectiveOperationException | java.util.NoSuchElementException error) {
                System.out.println("REFUSED " + name + ": " + error);
            }
        }
    }
}
